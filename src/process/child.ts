/**
 * A child and the way it is ended.
 *
 *   running --it exits--> exited --nobody left in its group--> over
 *   close: SIGTERM to the group; still there after the grace, SIGKILL; the child is reaped; the pipes are closed
 *
 * A child that has exited by itself may have left others in its group: they are ended in the same way. Who wants to outlive its starter
 * leaves the group, as daemons do. The end of a member that is no child of ours can only be looked for again and again.
 */
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { disposed } from "../kernel/dispose.ts";
import { printsAs } from "../kernel/printed.ts";
import type { ChildTransport, ExitStatus, SignalName } from "../kernel/processes.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentNode } from "../kernel/scope.ts";
import { moveOnAfter, shield } from "../kernel/scopes.ts";
import { checkpoint, sleep } from "../kernel/sleep.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import { Waiter } from "../kernel/waiter.ts";
import type { ReceiveStream, SendStream } from "../streams/byte-stream.ts";
import { endAtExit, forget } from "./at-exit.ts";
import type { PipeStream } from "./pipe-stream.ts";
import type { Subprocess } from "./subprocess.ts";

/** How long until a group is first looked at again, and at most. */
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;

export interface Pipes {
  readonly stdin?: PipeStream | undefined;
  readonly stdout?: PipeStream | undefined;
  readonly stderr?: PipeStream | undefined;
  /** One more, on which something that we start for the user tells us of itself. */
  readonly report?: PipeStream | undefined;
}

/** Which of its streams there are is known to the types of the function that opens it. */
export class Child implements Omit<Subprocess, "stdin" | "stdout" | "stderr"> {
  readonly command: readonly string[];
  readonly #graceMs: number;
  readonly #pipes: Pipes;
  readonly #waiters = new WaitQueue<Waiter<ExitStatus>>();
  #transport: ChildTransport | undefined;
  #status: ExitStatus | undefined;
  #closing: Promise<void> | undefined;

  constructor(command: readonly string[], graceMs: number, pipes: Pipes) {
    this.command = command;
    this.#graceMs = graceMs;
    this.#pipes = pipes;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get stdin(): SendStream | undefined {
    return this.#pipes.stdin;
  }

  get stdout(): ReceiveStream | undefined {
    return this.#pipes.stdout;
  }

  get stderr(): ReceiveStream | undefined {
    return this.#pipes.stderr;
  }

  get report(): ReceiveStream | undefined {
    return this.#pipes.report;
  }

  get status(): ExitStatus | undefined {
    return this.#status;
  }

  wait(): Promise<ExitStatus> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.wait());
    if (this.#status !== undefined) return Promise.resolve(this.#status);
    const waiter = new Waiter<ExitStatus>(scope);
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  kill(signal: SignalName = "SIGKILL"): boolean {
    return this.#running.killGroup(signal);
  }

  terminate(): boolean {
    return this.kill("SIGTERM");
  }

  signal(signal: SignalName): boolean {
    return this.#running.kill(signal);
  }

  close(): Promise<void> {
    return quietly(async () => {
      this.#closing ??= this.#close();
      await this.#closing;
      await checkpoint();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposed(this.close());
  }

  /** Ends the group, as `close` does, and leaves the pipes alone. */
  async endGroup(): Promise<void> {
    await shield(async () => {
      const group = this.#running;
      if (!group.killGroup("SIGTERM")) return;
      const isOver = await moveOnAfter(this.#graceMs, () => this.#groupEnd());
      if (isOver === undefined) group.killGroup("SIGKILL");
      await this.wait();
    });
  }

  hasStarted(transport: ChildTransport): this {
    this.#transport = transport;
    endAtExit(transport);
    return this;
  }

  hasExited(status: ExitStatus): void {
    this.#status = status;
    if (this.#transport?.isGroupAlive() === false) forget(this.#transport);
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake(status);
  }

  async #close(): Promise<void> {
    const { stdin, ...outputs } = this.#pipes;
    for (const output of Object.values(outputs)) output?.discard();
    try {
      await this.endGroup();
      forget(this.#running);
    } finally {
      for (const pipe of Object.values(this.#pipes)) pipe?.abort();
    }
  }

  async #groupEnd(): Promise<true> {
    await this.wait();
    for (let pause = FIRST_LOOK_MS; this.#running.isGroupAlive(); pause = Math.min(2 * pause, LONGEST_LOOK_MS)) {
      await sleep(pause);
    }
    return true;
  }

  get #running(): ChildTransport {
    if (this.#transport === undefined) throw new Error("a child is handed out only when it runs");
    return this.#transport;
  }

  static {
    printsAs(Child, ({ pid, command, status }) => ({ pid, command, status }), "Subprocess");
  }
}
