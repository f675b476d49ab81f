/**
 * `coppice serve`: the functions of a module as methods, until a signal.
 */
import process from "node:process";
import type { SocketAddress } from "../kernel/addresses.ts";
import { currentLoop, currentScope } from "../kernel/scope.ts";
import { taskGroup } from "../kernel/task-group.ts";
import { listen } from "../net/listener.ts";
import { serve as serveConnections } from "../net/serve.ts";
import { formatEndpoint } from "../rpc/endpoint.ts";
import type { Method, MethodTable } from "../rpc/methods.ts";
import { servePeer } from "../rpc/service.ts";
import { lengthPrefixed } from "../streams/framing/length-prefixed.ts";
import { FailureLog } from "./failure-log.ts";
import { loadMethods } from "./method-module.ts";
import { countOf, formatCount, formatSeconds } from "./numbers.ts";
import { print } from "./output.ts";

export interface ServeOptions {
  /** The path of the module. */
  readonly module: string;
  readonly address: SocketAddress;
  readonly maxFrameBytes: number;
  readonly graceMs: number;
  readonly isDebug: boolean;
}

export async function serve({ module, address, maxFrameBytes, graceMs, isDebug }: ServeOptions): Promise<void> {
  const counts = { connections: 0, calls: 0 };
  const methods = counting(await loadMethods(module), counts);
  const listener = await listen(address);
  const loop = currentLoop();
  const startedAt = loop.time();
  const failures = new FailureLog(isDebug);
  print(`listening on ${formatEndpoint(listener.address)}, methods: ${Object.keys(methods).join(", ")}`);
  // On every way out, the hard one of a method that cannot be cancelled included.
  process.once("exit", () => {
    const { calls, connections } = counts;
    const did = `${countOf(calls, "call")} on ${countOf(connections, "connection")}`;
    const failed = failures.total === 0 ? "" : `, ${formatCount(failures.total)} failed`;
    print(`stopped after ${formatSeconds(loop.time() - startedAt)}: ${did}${failed}`);
  });
  await taskGroup(async (group) => {
    group.spawn(() => announceStop(graceMs), { name: "announce the stop", background: true });
    const framing = lengthPrefixed({ maxFrameBytes });
    const onError = (error: unknown, method: string): void => failures.add(error, method);
    await serveConnections(listener, (stream) => {
      counts.connections++;
      return servePeer(stream, { methods, framing, onError });
    });
  });
}

/** The methods, each counting its calls. Without a prototype, so that any name is only a name. */
function counting(table: MethodTable, counts: { calls: number }): { [name: string]: Method } {
  const methods: { [name: string]: Method } = Object.create(null);
  for (const [name, method] of table) {
    methods[name] = (...params) => {
      counts.calls++;
      return method(...params);
    };
  }
  return methods;
}

async function announceStop(graceMs: number): Promise<void> {
  await currentScope().whenStopping();
  // On a terminal the cursor stands behind the ^C.
  const start = process.stdout.isTTY ? "\r" : "";
  print(`${start}stopping: finishing what was begun, for at most ${formatSeconds(graceMs)}; Ctrl-C again cuts it off`);
}
