/**
 * A child process between the loop's port and the user's `SubprocessProtocol`. After asyncio's.
 *
 *   made --data of pipes, ends of pipes, exit: in any order--> all pipes have ended and so has the child --> lost
 *
 * Each pipe is a connection of its own (`connection.ts`), whose protocol passes on what it hears with the number of the descriptor.
 * A callback that throws costs the whole child: it is killed, and its pipes are aborted.
 */
import type { InContext } from "../kernel/ambient.ts";
import { describe } from "../kernel/check-function.ts";
import { instruments } from "../kernel/instrument.ts";
import type { ChildDescriptor, ChildTransport, ExitStatus, SignalName } from "../kernel/processes.ts";
import { Connection, type ConnectionKeeper } from "./connection.ts";
import type { Home, Resource } from "./home.ts";
import { StreamProtocol, type StreamTransport } from "./stream-protocol.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./subprocess-protocol.ts";

/** Where a child runs, and what it has at its descriptors. */
export interface SubprocessOptions {
  /** Where it runs; by default where this process does. */
  readonly cwd?: string;
  /** Its whole environment; by default that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By default a pipe; or nothing, or a descriptor of this process. */
  readonly stdin?: "pipe" | "ignore" | number;
  readonly stdout?: "pipe" | "ignore" | number;
  readonly stderr?: "pipe" | "ignore" | number;
}

/** A program and its arguments. */
export type Command = readonly [file: string, ...args: string[]];

/** A function and not a method, as that is what a context calls. */
let guarded: (child: Subprocess, name: string, call: (protocol: SubprocessProtocol) => void) => void;

export class Subprocess implements SubprocessTransport, Resource {
  readonly #home: Home;
  readonly #inContext: InContext;
  readonly #protocol: SubprocessProtocol;
  readonly #pipes = new Map<number, Connection>();
  readonly #openPipes = new Set<number>();
  #child: ChildTransport | undefined;
  #exitStatus: ExitStatus | undefined;
  #fatal: Error | undefined;
  #isLost = false;

  constructor(home: Home, protocol: SubprocessProtocol) {
    this.#home = home;
    this.#inContext = home.context();
    this.#protocol = protocol;
  }

  // Starting.

  /** @throws the system's error by rejecting. */
  spawn(command: Command, options: SubprocessOptions): Promise<ChildTransport> {
    const [file, ...args] = command;
    const { stdin = "pipe", stdout = "pipe", stderr = "pipe", cwd, env } = options;
    const descriptors = [stdin, stdout, stderr].map((what, fd) => this.#descriptor(fd, what));
    const spawning = { file, args, cwd, env, descriptors };
    const { loop } = this.#home;
    return this.#home.outside(() => loop.processes.spawn(spawning, (status) => this.#exited(status)), undefined);
  }

  #descriptor(fd: number, what: "pipe" | "ignore" | number): ChildDescriptor {
    if (what !== "pipe") return what;
    return { pipe: new Connection(this.#home, this.#inContext, new PipeKeeper(this, fd)) };
  }

  began(child: ChildTransport): void {
    this.#child = child;
    this.#home.open(this);
    instruments.debug?.made(this);
    this.call("connectionMade", (protocol) => protocol.connectionMade(this));
  }

  // Told by the pipes and the child.

  pipeMade(fd: number, pipe: Connection): void {
    this.#pipes.set(fd, pipe);
    this.#openPipes.add(fd);
  }

  pipeLost(fd: number): void {
    this.#openPipes.delete(fd);
    this.#look();
  }

  #exited(status: ExitStatus): void {
    this.#exitStatus = status;
    this.call("processExited", (protocol) => protocol.processExited());
    // Nobody reads any more, though the system may still take what is written.
    this.#pipes.get(0)?.close();
    this.#look();
  }

  #look(): void {
    if (this.#isLost || this.#exitStatus === undefined || this.#openPipes.size > 0) return;
    this.#isLost = true;
    this.call("connectionLost", (protocol) => protocol.connectionLost(this.#fatal));
    this.#home.gone(this);
  }

  /** Calls the user, in the context of whoever started the child. */
  call(name: string, call: (protocol: SubprocessProtocol) => void): void {
    this.#inContext(guarded, this, name, call);
  }

  static {
    guarded = (child, name, call) => {
      const { debug } = instruments;
      debug?.enter(child.#home.loop, () => child.#nameOf(name), child);
      try {
        call(child.#protocol);
      } catch (error) {
        child.#threw(name, error);
      } finally {
        debug?.leave();
      }
    };
  }

  #threw(name: string, error: unknown): void {
    if (!this.#isLost) {
      this.#fatal ??= error instanceof Error ? error : new Error(`${name} threw ${describe(error)}`);
      this.abort();
    }
    const consequence = this.#isLost ? "" : ": its process is killed";
    this.#home.exceptions.report({ message: `${this.#nameOf(name)} threw${consequence}`, error, source: this });
  }

  #nameOf(callback: string): string {
    return `${callback} of ${this.#protocol.constructor.name || "a protocol"}`;
  }

  // The transport: called by the user.

  get pid(): number {
    return (this.#child as ChildTransport).pid;
  }

  get exitStatus(): ExitStatus | undefined {
    return this.#exitStatus;
  }

  getPipeTransport(fd: number): StreamTransport | undefined {
    return this.#pipes.get(fd);
  }

  sendSignal(signal: SignalName): boolean {
    return this.#exitStatus === undefined && this.#child?.kill(signal) === true;
  }

  terminate(): boolean {
    return this.sendSignal("SIGTERM");
  }

  kill(): boolean {
    return this.sendSignal("SIGKILL");
  }

  close(): void {
    this.kill();
    for (const pipe of this.#pipes.values()) pipe.close();
  }

  abort(): void {
    this.kill();
    for (const pipe of this.#pipes.values()) pipe.abort();
  }
}

class PipeKeeper implements ConnectionKeeper {
  readonly #child: Subprocess;
  readonly #fd: number;

  constructor(child: Subprocess, fd: number) {
    this.#child = child;
    this.#fd = fd;
  }

  protocolFor(connection: Connection): StreamProtocol {
    this.#child.pipeMade(this.#fd, connection);
    return new PipeProtocol(this.#child, this.#fd);
  }

  made(): void {}

  failed(): void {}

  lost(): void {
    this.#child.pipeLost(this.#fd);
  }
}

/** Passes on what one pipe tells. */
class PipeProtocol extends StreamProtocol {
  readonly #child: Subprocess;
  readonly #fd: number;

  constructor(child: Subprocess, fd: number) {
    super();
    this.#child = child;
    this.#fd = fd;
  }

  override dataReceived(bytes: Uint8Array): void {
    this.#child.call("pipeDataReceived", (protocol) => protocol.pipeDataReceived(this.#fd, bytes));
  }

  override connectionLost(error: Error | undefined): void {
    this.#child.call("pipeConnectionLost", (protocol) => protocol.pipeConnectionLost(this.#fd, error));
  }

  override pauseWriting(): void {
    this.#child.call("pauseWriting", (protocol) => protocol.pauseWriting());
  }

  override resumeWriting(): void {
    this.#child.call("resumeWriting", (protocol) => protocol.resumeWriting());
  }
}
