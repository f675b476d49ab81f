/** What the rows of the suite are run with: an event loop over a loop of the kernel, whose warnings are kept, and which must leave nothing open. */
import assert from "node:assert/strict";
import { EventLoop, StreamProtocol, type StreamTransport } from "coppice/loop";
import type { Loop } from "../../src/kernel/ports.ts";

/** A loop under test. */
export interface LoopKind {
  readonly name: string;
  /** Whether its time and its network are those of the world. */
  readonly isReal: boolean;
  readonly make: () => Loop;
}

export interface Row {
  readonly name: string;
  readonly run: (kit: Kit) => unknown;
  /** Only for loops like this one. */
  readonly on?: (kind: LoopKind) => boolean;
}

export class Kit {
  readonly kind: LoopKind;
  readonly loop: EventLoop;
  readonly #kernelLoop: Loop;
  #warnings: { readonly message: string; readonly code: string }[] = [];

  constructor(kind: LoopKind) {
    this.kind = kind;
    this.#kernelLoop = kind.make();
    this.#kernelLoop.warn = (message, code): void => {
      this.#warnings.push({ message, code });
    };
    this.loop = new EventLoop(this.#kernelLoop);
  }

  /** Runs `fn` in the loop. */
  run<T>(fn: () => T | PromiseLike<T>): Promise<T> {
    return this.loop.runUntilComplete(fn);
  }

  /** The codes of the warnings so far, which are then forgotten. */
  takeWarnings(): string[] {
    return this.#take().map(({ code }) => code);
  }

  /** The text of the only warning so far, which is then forgotten. */
  takeWarning(code: string): string {
    const warnings = this.#take();
    assert.deepEqual(
      warnings.map((warning) => warning.code),
      [code],
    );
    return warnings[0]?.message ?? "";
  }

  #take(): { readonly message: string; readonly code: string }[] {
    const warnings = this.#warnings;
    this.#warnings = [];
    return warnings;
  }

  /** Ends the row: everything is closed, and nothing was warned of that the row did not take. */
  async end(): Promise<void> {
    await this.loop.close();
    const { close } = this.#kernelLoop as { close?: () => void };
    close?.call(this.#kernelLoop);
    assert.deepEqual(this.#warnings, []);
  }
}

/** Notes what it is told, and checks the order that the loop promises. */
export class Recorder extends StreamProtocol {
  transport!: StreamTransport;
  readonly log: string[] = [];
  text = "";
  bytes = 0;
  error: Error | undefined;
  /** What `eofReceived` gives. */
  keepsOpen = false;
  #watchers: (() => void)[] = [];

  override connectionMade(transport: StreamTransport): void {
    assert.deepEqual(this.log, []);
    this.transport = transport;
    this.note("made");
  }

  override dataReceived(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.bytes < 10_000) this.text += Buffer.from(bytes).toString();
    this.note("data");
  }

  override eofReceived(): boolean {
    this.note("eof");
    return this.keepsOpen;
  }

  override connectionLost(error: Error | undefined): void {
    this.error = error;
    this.note("lost");
  }

  override pauseWriting(): void {
    this.note("pause");
  }

  override resumeWriting(): void {
    this.note("resume");
  }

  /** Settles once `isTrue` says so; asked after each call. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  has(event: string): Promise<void> {
    return this.until(() => this.log.includes(event));
  }

  count(event: string): number {
    return this.log.filter((noted) => noted === event).length;
  }

  protected note(event: string): void {
    assert.ok(!this.log.includes("lost"), `${event} after the end`);
    if (event === "eof") assert.ok(!this.log.includes("eof"), "a second end-of-file");
    if (event !== "data" || this.log.at(-1) !== "data") this.log.push(event);
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

/** The port of a server's only address. */
export function portOf(server: { readonly addresses: readonly object[] }): number {
  const [address] = server.addresses;
  assert.ok(address !== undefined && "port" in address && typeof address.port === "number");
  return address.port;
}

/** Settles in the next turn of the loop. */
export function turn(loop: EventLoop): Promise<void> {
  return new Promise((resolve) => {
    loop.callSoon(resolve);
  });
}
