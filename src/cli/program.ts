/**
 * The command line: commands, arguments and options, and what `--help` says of them. What the commands do is handed in.
 */
import { readFileSync } from "node:fs";
import { Argument, Command, Option } from "commander";
import type { SocketAddress } from "../kernel/addresses.ts";
import type { Params } from "../rpc/messages.ts";
import { DEFAULT_MAX_FRAME_BYTES } from "../streams/framing/limits.ts";
import type { BenchOptions } from "./bench.ts";
import type { CallOptions } from "./call.ts";
import { EXIT_CODES_HELP } from "./exit-codes.ts";
import { address, callParams, type ParseValue, secondsAsMs, wholeNumber } from "./option-values.ts";
import type { ServeOptions } from "./serve.ts";

export interface Actions {
  serve(options: ServeOptions): Promise<void>;
  call(options: CallOptions, isDebug: boolean): Promise<void>;
  bench(options: BenchOptions, isDebug: boolean): Promise<void>;
}

const fromZero = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const fromOne = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const frameBytes = wholeNumber(1, 2 ** 31 - 1);

/** A program whose commands call `actions`. Usage errors and `--help` throw a `CommanderError` after they were shown. */
export function createProgram(actions: Actions): Command {
  const program = new Command("coppice")
    .description("Serves, calls and measures JSON-RPC services over TCP.")
    .version(version(), "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .configureOutput({ outputError: (text, write) => write(asOneLine(text)) })
    .exitOverride()
    .addHelpText("after", EXIT_CODES_HELP);
  addServe(program, actions);
  addCall(program, actions);
  addBench(program, actions);
  return program;
}

function addServe(program: Command, actions: Actions): void {
  addCommand(program, "serve", "coppice serve methods.ts --listen tcp://127.0.0.1:8000")
    .summary("serve the functions of a module")
    .description("Serves the exported functions of a TypeScript or JavaScript module as methods, until a signal.")
    .argument("<module>", "the file that exports the methods")
    .addOption(option("--listen <url>", "where to listen; port 0 takes a free one", address, "tcp://127.0.0.1:8000"))
    .addOption(
      option("--max-frame-bytes <n>", "the largest message, in and out", frameBytes, `${DEFAULT_MAX_FRAME_BYTES}`),
    )
    .addOption(option("--grace <ms>", "how long a stop waits for calls in progress", fromZero, "10000"))
    .action(async (module: string, _: unknown, command: Command) => {
      const { listen, maxFrameBytes, grace, debug = false } = command.opts();
      await actions.serve({ module, address: listen, maxFrameBytes, graceMs: grace, isDebug: debug });
    });
}

function addCall(program: Command, actions: Actions): void {
  addCommand(program, "call", "coppice call tcp://127.0.0.1:8000 add '[1, 2]'")
    .summary("call a method and print its result")
    .description("Calls a method and prints its result as JSON.")
    .addArgument(argument("<url>", "the service: tcp://HOST:PORT", "URL", address))
    .argument("<method>", "the name of the method")
    .addArgument(argument("[params]", "JSON: an array, or an object for params by name", "PARAMS", callParams))
    .addOption(option("--timeout <ms>", "how long to wait, connecting included", fromOne, "30000"))
    .option("--notify", "send a notification: no answer is wanted")
    .action(async (to: SocketAddress, method: string, params: Params | undefined, _: unknown, command: Command) => {
      const { timeout, notify = false, debug = false } = command.opts();
      await actions.call({ address: to, method, params, timeoutMs: timeout, isNotification: notify }, debug);
    });
}

function addBench(program: Command, actions: Actions): void {
  addCommand(program, "bench", "coppice bench tcp://127.0.0.1:8000 --connections 100 --pipeline 16 --method foo")
    .summary("measure a service under load")
    .description("Keeps calls in flight on a number of connections and says how many were answered, and how fast.")
    .addArgument(argument("<url>", "the service: tcp://HOST:PORT", "URL", address))
    .addOption(option("--connections <n>", "how many connections", fromOne, "10"))
    .addOption(option("--pipeline <n>", "calls in flight on each connection", fromOne, "1"))
    .addOption(option("--duration <s>", "how long to measure, in seconds", secondsAsMs, "10"))
    .addOption(new Option("--method <name>", "the method to call").default("foo", "foo"))
    .addOption(option("--params <json>", "its params: an array, or an object for params by name", callParams))
    .option("--json", "print the summary as JSON and nothing else")
    .action(async (to: SocketAddress, _: unknown, command: Command) => {
      const { connections, pipeline, duration, method, params, json = false, debug = false } = command.opts();
      const load = { connections, pipeline, durationMs: duration, method, params };
      await actions.bench({ address: to, ...load, isJson: json }, debug);
    });
}

/** A command with what all have in common; settings such as the treatment of errors come from `program`. */
function addCommand(program: Command, name: string, example: string): Command {
  return program
    .command(name)
    .option("--debug", "show errors with their stack")
    .addHelpText("after", `\nExample:\n  $ ${example}\n${EXIT_CODES_HELP}`);
}

/** An option with a value; the default goes through the same parser as what the user gives. */
function option<T>(flags: string, description: string, parse: ParseValue<T>, byDefault?: string): Option {
  const [name = flags] = flags.split(" ");
  const plain = new Option(flags, description).argParser((text) => parse(name, text));
  return byDefault === undefined ? plain : plain.default(parse(name, byDefault), byDefault);
}

function argument<T>(declaration: string, description: string, name: string, parse: ParseValue<T>): Argument {
  return new Argument(declaration, description).argParser((text) => parse(name, text));
}

/** Commander's "error: ..." with a suggestion on a second line, as one line in the program's name. */
function asOneLine(text: string): string {
  return `${text
    .trim()
    .replace(/^error: /, "coppice: ")
    .replaceAll("\n", " ")}; see coppice --help\n`;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return version;
}
