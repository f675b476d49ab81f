/**
 * asyncio's event loop as one class over any loop of the kernel: Node's, the virtual one, the selector's.
 *
 *   open --close--> closing: tasks are cancelled, and end --> closed: callbacks, servers, connections, signal handlers, executor end
 *
 * A call of JavaScript cannot run a loop and return when it is done, so `runUntilComplete` and `runForever` return promises. Node's
 * loop runs its callbacks whether or not they were called; a virtual one goes on only while somebody runs it.
 *
 * There is no `callSoonThreadsafe`: objects do not cross threads in JavaScript, so no other thread could hold this loop or a callback for it.
 * A thread posts messages (`node:worker_threads`), which arrive here as callbacks.
 *
 * Rejected: to make each loop a subclass of this (the kernel needs but a clock, timers and turns, and should not carry the rest);
 * one of these for each loop, whoever asks (who closes what he made must not close that of others).
 */
import { Future, type FutureOptions } from "../futures/future.ts";
import type { Address } from "../kernel/addresses.ts";
import type { Returned } from "../kernel/body.ts";
import { checkFunction, describe, isThenable } from "../kernel/check-function.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import type { DatagramOptions } from "../kernel/datagrams.ts";
import { ClosedError, InvalidStateError } from "../kernel/errors.ts";
import type { FutureLike } from "../kernel/future-like.ts";
import { instruments } from "../kernel/instrument.ts";
import { defaultLoop, type Loop, objectionToLoop } from "../kernel/ports.ts";
import { printsAs } from "../kernel/printed.ts";
import type { SignalName } from "../kernel/processes.ts";
import { cancelNode } from "../kernel/propagation.ts";
import { quietly } from "../kernel/quiet.ts";
import { run } from "../kernel/run.ts";
import { currentNode, currentOrigin, isInsideRun } from "../kernel/scope.ts";
import { checkDuration } from "../kernel/scopes.ts";
import type { Task } from "../kernel/task.ts";
import { until } from "../kernel/until.ts";
import { Callbacks } from "./callbacks.ts";
import { Connection } from "./connection.ts";
import {
  type AcceptingSocket,
  accept,
  connect,
  type Descriptor,
  DescriptorCallbacks,
  type NonblockingSocket,
  receive,
  sendAll,
} from "./descriptors.ts";
import type { EndpointProtocol, EndpointTransport } from "./endpoint-protocol.ts";
import type { ExceptionContext, ExceptionHandler } from "./exceptions.ts";
import { checkExecutor, type Executor, TurnExecutor } from "./executor.ts";
import type { Callback, Handle, TimerHandle } from "./handle.ts";
import { Home, LoopTask } from "./home.ts";
import { CheckedFuture, chained } from "./loop-future.ts";
import {
  type CreateConnectionOptions,
  type CreateServerOptions,
  type CreateUnixServerOptions,
  openConnection,
  openEndpoint,
  openServer,
  openSubprocess,
} from "./opening.ts";
import { Runner } from "./runner.ts";
import type { Server } from "./server.ts";
import { SignalHandlers } from "./signal-handlers.ts";
import type { StartTlsOptions } from "./start-tls.ts";
import type { StreamProtocol, StreamTransport } from "./stream-protocol.ts";
import type { Command, SubprocessOptions } from "./subprocess.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./subprocess-protocol.ts";

/** As in asyncio: what holds the loop for this long is reported, in milliseconds. */
const SLOW_CALLBACK_MS = 100;

/** By the loop of the kernel, the one that stands for it; by the root of a tree of tasks, the one that runs it. */
const faces = new WeakMap<object, EventLoop>();

/**
 * The event loop of the running code: the one whose `runUntilComplete`, task or callback this is; elsewhere, the one that stands for the loop
 * in force (`currentLoop()`), made when first asked for.
 */
export function currentEventLoop(): EventLoop {
  const { loop, root } = currentNode();
  const face = faces.get(root) ?? faces.get(loop);
  return face === undefined || face.isClosed ? new EventLoop(loop) : face;
}

/**
 * An event loop with asyncio's interface, over a loop of the kernel: by default, that of the running code.
 *
 * Callbacks run outside of every task, so no cancellation reaches them, and in the asynchronous context (`AsyncLocalStorage`) of whoever
 * scheduled them. One that throws is reported to the exception handler, and the loop goes on.
 *
 * @example
 * ```ts
 * await using loop = new EventLoop();
 * loop.callLater(1_000, () => loop.stop());
 * await loop.runForever();
 * ```
 */
export class EventLoop implements AsyncDisposable {
  static {
    printsAs(EventLoop, ({ loop, isRunning, isClosed }) => ({ loop: loop.name, isRunning, isClosed }));
  }

  /** The loop of the kernel that it stands for: what `run` takes. */
  readonly loop: Loop;
  readonly #home: Home;
  readonly #callbacks: Callbacks;
  readonly #runner: Runner;
  readonly #signals: SignalHandlers;
  readonly #descriptors: DescriptorCallbacks;
  readonly #turns = new TurnExecutor((callback) => void this.callSoon(callback));
  #executor: Executor | undefined;
  #slowCallbackMs = SLOW_CALLBACK_MS;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** @throws TypeError if `loop` is none. */
  constructor(loop: Loop = isInsideRun() ? currentNode().loop : defaultLoop()) {
    const bad = objectionToLoop("new EventLoop", loop);
    if (bad !== undefined) throw bad;
    this.loop = loop;
    this.#home = new Home(loop);
    this.#callbacks = new Callbacks(this.#home);
    this.#signals = new SignalHandlers(this.#home, () => this.#runner.lookWhetherToHold());
    this.#descriptors = new DescriptorCallbacks(this.#home);
    this.#runner = new Runner(
      this.#home,
      (root) => faces.set(root, this),
      () => this.#signals.size > 0,
    );
    faces.set(this.#home, this);
    if (faces.get(loop)?.isClosed !== false) faces.set(loop, this);
  }

  // Time and callbacks.

  /** Monotonic milliseconds with fractions; the zero is the loop's own affair. (asyncio counts in seconds.) */
  time(): number {
    return this.loop.time();
  }

  /**
   * Calls `callback(...args)` in the next turn of the loop, in the order of these calls. What is scheduled during a turn waits for the next
   * one, and input and output are polled for in between.
   *
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `callback` is no function.
   */
  callSoon<A extends unknown[]>(callback: Callback<A>, ...args: A): Handle {
    this.#use("callSoon");
    checkFunction("callSoon", callback);
    return this.#callbacks.soon(callback, args);
  }

  /**
   * Calls `callback(...args)` in `ms` milliseconds, and not sooner. Any distance works; `Infinity` is never.
   *
   * @throws RangeError if `ms` is negative or `NaN`.
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `callback` is no function.
   */
  callLater<A extends unknown[]>(ms: number, callback: Callback<A>, ...args: A): TimerHandle {
    const invalid = checkDuration("callLater", ms);
    if (invalid !== undefined) throw invalid;
    this.#use("callLater");
    checkFunction("callLater", callback);
    return this.#callbacks.at(this.time() + ms, callback, args);
  }

  /**
   * Calls `callback(...args)` once `time()` has reached `when`: soon, if it has already.
   *
   * @throws RangeError if `when` is no number.
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `callback` is no function.
   */
  callAt<A extends unknown[]>(when: number, callback: Callback<A>, ...args: A): TimerHandle {
    if (typeof when !== "number" || Number.isNaN(when))
      throw new RangeError(`callAt: expected a time in milliseconds on the loop's clock, got ${describe(when)}`);
    this.#use("callAt");
    checkFunction("callAt", callback);
    return this.#callbacks.at(when, callback, args);
  }

  /**
   * Who is told of the errors of callbacks; `undefined` for the default, which warns.
   *
   * @throws TypeError if `handler` is no function.
   */
  setExceptionHandler(handler: ExceptionHandler | undefined): void {
    if (handler !== undefined) checkFunction("setExceptionHandler", handler);
    this.#home.exceptions.handler = handler;
  }

  /** Tells the exception handler. If it throws, the default one is told of both. */
  callExceptionHandler(context: ExceptionContext): void {
    this.#home.exceptions.report(context);
  }

  // Futures and tasks.

  /** A future that is pending. In debug mode it reports who uses it from another loop. */
  createFuture<T>(options: FutureOptions = {}): Future<T> {
    this.#use("createFuture");
    if (!this.isDebug) return new Future<T>(options);
    return new CheckedFuture<T>((what) => this.#home.checkLoop(`${what} of a future`), options);
  }

  /**
   * Starts `fn` as a task of the loop itself: it belongs to no task group, outlives whoever started it, and ends at last when the loop
   * is closed, which cancels it. An error that nobody has looked at is reported. Where its end can be waited for, `spawn` of a
   * task group is the better choice.
   *
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `fn` is no function.
   */
  createTask<T>(fn: () => Returned<T>, options: { readonly name?: string } = {}): Task<T> {
    this.#use("createTask");
    checkFunction("createTask", fn);
    const { name } = options;
    const task = new LoopTask<T>(this.#home.tasks, name === undefined ? fn : { name, run: fn });
    instruments.debug?.made(task);
    this.loop.start(task);
    return task;
  }

  // Running.

  /** Whether it is being run, by `runUntilComplete` or `runForever`; or, asked from inside of a run on its loop, by that. */
  get isRunning(): boolean {
    return this.#runner.isRunning || (isInsideRun() && currentNode().loop === this.loop);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Runs `work`, a function (as `run` does) or a future or promise, and settles with its outcome. Tasks and callbacks that it leaves behind go
   * on where the loop does.
   *
   * @throws InvalidStateError if it runs already, inside of any run, or if `stop` was called first.
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `work` is neither a function nor something to wait for.
   */
  runUntilComplete<T>(work: (() => Returned<T>) | FutureLike<T> | PromiseLike<T>): Promise<T> {
    const refused = this.#refused("runUntilComplete");
    if (refused !== undefined) return Promise.reject(refused);
    if (isThenable(work)) return this.#runner.untilComplete(() => until(work as PromiseLike<T>));
    if (typeof work === "function") return this.#runner.untilComplete(work);
    return Promise.reject(new TypeError(`runUntilComplete: expected a function or a future, got ${describe(work)}`));
  }

  /**
   * Runs until `stop`. On a loop of the real world it holds the process meanwhile, as a signal may come at any time.
   *
   * @throws InvalidStateError if it runs already, or inside of any run.
   * @throws DeadlockError on a virtual loop, if nothing can happen any more.
   * @throws ClosedError if the loop is closed.
   */
  runForever(): Promise<void> {
    const refused = this.#refused("runForever");
    return refused === undefined ? this.#runner.forever() : Promise.reject(refused);
  }

  /** Ends `runForever`, or cuts `runUntilComplete` short. Called while the loop does not run, it ends the next run after one turn. */
  stop(): void {
    this.#runner.stop();
  }

  /**
   * Ends the loop: cancels its tasks and waits for their end; then drops the callbacks that were not called, aborts what is open
   * (servers, connections, endpoints, subprocesses), restores signal handlers and closes the executor. Idempotent. What is done
   * with it afterwards throws `ClosedError`.
   *
   * @throws InvalidStateError if it runs (`stop` it first), or from one of its own tasks.
   */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    if (this.#runner.isRunning)
      return Promise.reject(new InvalidStateError("close() of an event loop that runs: stop() it, and await its run"));
    if (isInsideRun() && currentNode().root === this.#home) {
      return Promise.reject(
        new InvalidStateError("close() from a task or callback of the loop itself, which would wait for its own end"),
      );
    }
    const closing = isInsideRun() ? this.#end() : run(() => this.#end(), { loop: this.loop, name: "close" });
    this.#closing = closing;
    return closing;
  }

  /** `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Waits natively, so that a cancellation does not leave it half closed. */
  async #end(): Promise<void> {
    const home = this.#home;
    const { tasks, resources } = home;
    cancelNode(tasks, "the event loop is closed", currentOrigin());
    await home.until(() => tasks.firstChild === null);
    this.#isClosed = true;
    this.#callbacks.cancelAll();
    this.#signals.removeAll();
    this.#descriptors.removeAll();
    home.abortAll();
    await home.until(() => resources.size === 0);
    try {
      this.#turns.close();
      await this.#executor?.close?.();
    } finally {
      home.end("the event loop was closed");
      instruments.debug?.unwatch(this);
    }
  }

  // Signals and executors.

  /**
   * Calls `callback(...args)` whenever the process is sent `signal`, in place of what the system does by default and of an earlier handler of
   * this loop for it. While the event loop is run, it holds the process. Taken back by `removeSignalHandler` or when the loop is closed.
   *
   * @throws InvalidStateError on a virtual loop, which hears no signals.
   * @throws TypeError if there is no such signal; the system's error for one that cannot be handled (`SIGKILL`).
   * @throws ClosedError if the loop is closed.
   */
  addSignalHandler<A extends unknown[]>(signal: SignalName, callback: Callback<A>, ...args: A): void {
    this.#use("addSignalHandler");
    checkFunction("addSignalHandler", callback);
    this.#signals.add(signal, callback, args);
  }

  /** Gives `signal` back to the system. False if there was no handler of this loop for it. */
  removeSignalHandler(signal: SignalName): boolean {
    return this.#signals.remove(signal);
  }

  /**
   * Has `executor`, or the default one, call `fn(...args)`, and gives a future of its outcome. Cancelling that cancels a future of the executor's; a
   * promise is abandoned. The default one calls it here, in a later turn, until `setDefaultExecutor` sets another.
   *
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `fn` is no function, or `executor` none.
   */
  runInExecutor<A extends unknown[], T>(
    executor: Executor | undefined,
    fn: (...args: A) => T,
    ...args: A
  ): Future<Awaited<T>> {
    this.#use("runInExecutor");
    checkFunction("runInExecutor", fn);
    if (executor !== undefined) checkExecutor("runInExecutor", executor);
    const future = this.createFuture<Awaited<T>>({ name: `future of "${fn.name || "anonymous"}"` });
    return chained((executor ?? this.#executor ?? this.#turns).submit(fn, ...args), future);
  }

  /**
   * Sets the executor of `runInExecutor(undefined, ...)`, which is closed with the loop. One that was set before is not: it is its maker's again.
   *
   * @throws ClosedError if the loop is closed.
   * @throws TypeError if `executor` is none.
   */
  setDefaultExecutor(executor: Executor): void {
    this.#use("setDefaultExecutor");
    checkExecutor("setDefaultExecutor", executor);
    this.#executor = executor;
  }

  // Descriptors: on a `SelectorLoop` only.

  /**
   * Calls `callback(...args)` in each turn in which `descriptor` can be read, in place of an earlier one. Remove it before the descriptor is closed.
   *
   * @throws InvalidStateError on a loop that watches no descriptors itself, or for one of a connection or server of the loop.
   * @throws BusyError while a socket call waits for the same.
   * @throws ClosedError if the loop is closed.
   */
  addReader<A extends unknown[]>(descriptor: Descriptor, callback: Callback<A>, ...args: A): void {
    this.#use("addReader");
    checkFunction("addReader", callback);
    this.#descriptors.add(descriptor, "read", callback, args);
  }

  /** The same for writing. */
  addWriter<A extends unknown[]>(descriptor: Descriptor, callback: Callback<A>, ...args: A): void {
    this.#use("addWriter");
    checkFunction("addWriter", callback);
    this.#descriptors.add(descriptor, "write", callback, args);
  }

  /** False if there was none. */
  removeReader(descriptor: Descriptor): boolean {
    return this.#descriptors.remove(descriptor, "read");
  }

  /** False if there was none. */
  removeWriter(descriptor: Descriptor): boolean {
    return this.#descriptors.remove(descriptor, "write");
  }

  /**
   * Waits for bytes on a nonblocking `Socket` of `coppice/selector`: at most `maxBytes`, `undefined` at the end. Always a checkpoint, as all of these; cancelled,
   * nothing is lost.
   *
   * @throws InvalidStateError on a loop that watches no descriptors itself, or a blocking socket. ClosedError if the loop is closed.
   * @throws BusyError if somebody else waits to read it. The system's error if the call fails.
   */
  sockRecv(socket: NonblockingSocket, maxBytes?: number): Promise<Uint8Array | undefined> {
    return this.#socketCall("sockRecv", () => receive(this.loop, socket, maxBytes));
  }

  /** Sends all of `bytes`. Cancelled, a part of them may have been sent. Errors as for `sockRecv`. */
  sockSendAll(socket: NonblockingSocket, bytes: Uint8Array): Promise<void> {
    return this.#socketCall("sockSendAll", () => sendAll(this.loop, socket, bytes));
  }

  /** Waits for a connection, which is nonblocking, too. Errors as for `sockRecv`. */
  sockAccept<S extends { setBlocking(isBlocking: boolean): void }>(socket: AcceptingSocket<S>): Promise<S> {
    return this.#socketCall("sockAccept", () => accept(this.loop, socket));
  }

  /** Connects to an address (no name). Cancelled, the attempt goes on until the socket is closed. Errors as for `sockRecv`. */
  sockConnect(socket: NonblockingSocket, address: Address): Promise<void> {
    return this.#socketCall("sockConnect", () => connect(this.loop, socket, address));
  }

  #socketCall<T>(what: string, call: () => Promise<T>): Promise<T> {
    const refused = this.#refused(what);
    return refused === undefined ? call() : Promise.reject(refused);
  }

  // Servers, connections, endpoints, subprocesses.

  /**
   * Listens on a TCP address, with a protocol of `makeProtocol` for each connection. Always a checkpoint.
   *
   * @throws the system's error (`EADDRINUSE` and kin, by `code`) if the address cannot be had.
   * @throws ClosedError if the loop is closed.
   */
  createServer(makeProtocol: () => StreamProtocol, options: CreateServerOptions): Promise<Server> {
    return this.#open("createServer", makeProtocol, () => openServer(this.#home, makeProtocol, options));
  }

  /** The same on a Unix socket. */
  createUnixServer(makeProtocol: () => StreamProtocol, options: CreateUnixServerOptions): Promise<Server> {
    return this.#open("createUnixServer", makeProtocol, () => openServer(this.#home, makeProtocol, options));
  }

  /**
   * Connects to a TCP server, and gives the transport and its protocol, whose `connectionMade` was called. Always a checkpoint; cancelled, the
   * attempt is given up.
   *
   * @throws the system's error (`ECONNREFUSED` and kin, by `code`) if the connection cannot be made.
   * @throws ClosedError if the loop is closed.
   */
  createConnection<P extends StreamProtocol>(
    makeProtocol: () => P,
    options: CreateConnectionOptions,
  ): Promise<[StreamTransport, P]> {
    return this.#open("createConnection", makeProtocol, () => openConnection(this.#home, makeProtocol, options));
  }

  /** The same over a Unix socket. */
  createUnixConnection<P extends StreamProtocol>(
    makeProtocol: () => P,
    options: { readonly path: string },
  ): Promise<[StreamTransport, P]> {
    return this.#open("createUnixConnection", makeProtocol, () => openConnection(this.#home, makeProtocol, options));
  }

  /**
   * Makes a connection TLS after both ends have agreed on it in plain text (STARTTLS). `transport` is the same afterwards, and what is written
   * to it is sealed; `protocol`, which may be another one, hears no `connectionMade`. Pause reading before the last plain message is
   * answered, or pass what came after it as `received`. Always a checkpoint; cancelled, the connection is aborted.
   *
   * @throws TlsError if the handshake failed, or took too long: the connection is closed then.
   * @throws ClosedError if the transport is closing, or the loop is closed.
   * @throws InvalidStateError if another `startTls` is under way.
   * @throws TypeError, RangeError if the options are not right, or `transport` is none of an event loop: it is untouched then.
   */
  startTls(transport: StreamTransport, protocol: StreamProtocol, options: StartTlsOptions): Promise<void> {
    const refused = this.#refused("startTls");
    if (refused !== undefined) return Promise.reject(refused);
    if (transport instanceof Connection) return quietly(() => transport.startTls(protocol, options));
    return Promise.reject(
      new TypeError(`startTls: expected the transport of a connection, got ${describe(transport)}`),
    );
  }

  /**
   * Opens an endpoint for datagrams. Always a checkpoint.
   *
   * @throws the system's error if the address cannot be had.
   * @throws ClosedError if the loop is closed.
   */
  createDatagramEndpoint<P extends EndpointProtocol>(
    makeProtocol: () => P,
    options: DatagramOptions,
  ): Promise<[EndpointTransport, P]> {
    return this.#open("createDatagramEndpoint", makeProtocol, () => openEndpoint(this.#home, makeProtocol, options));
  }

  /**
   * Starts a program, with pipes at its descriptors unless `options` say otherwise. Always a checkpoint; cancelled, the child is killed.
   *
   * @throws the system's error (`ENOENT` and kin, by `code`) if it cannot be started.
   * @throws ClosedError if the loop is closed.
   */
  subprocessExec<P extends SubprocessProtocol>(
    makeProtocol: () => P,
    command: Command,
    options: SubprocessOptions = {},
  ): Promise<[SubprocessTransport, P]> {
    return this.#open("subprocessExec", makeProtocol, () => openSubprocess(this.#home, makeProtocol, command, options));
  }

  /** Nothing is begun before the checkpoint. */
  #open<T>(what: string, makeProtocol: unknown, open: () => Promise<T>): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.#open(what, makeProtocol, open));
    return quietly(async () => {
      const refused = this.#refused(what);
      if (refused !== undefined) throw refused;
      checkFunction(what, makeProtocol);
      return open();
    });
  }

  // Debug mode.

  /** Whether debug mode is on for this loop: asked for by `setDebug`, or for all by `COPPICE_DEBUG=1` in the environment. */
  get isDebug(): boolean {
    return instruments.debug?.isWatching(this.loop) === true;
  }

  /**
   * Turns debug mode on or off: what holds the loop for too long is reported (with the stack, where it can be had), errors that nobody has seen and callbacks
   * that threw are reported with the place where their task, future or callback was made, and so are tasks of `createTask`
   * that nobody awaited and use from another loop. Where several event loops stand for one loop, it is on until each that asked has turned it off.
   */
  setDebug(isOn: boolean): void {
    if (isOn) (instruments.debug ?? instruments.load?.())?.watch(this, this.loop, this.#slowCallbackMs);
    else instruments.debug?.unwatch(this);
  }

  /** In debug mode: how long a task or callback may hold the loop at a time without being reported, in milliseconds; by default 100. */
  get slowCallbackDurationMs(): number {
    return this.#slowCallbackMs;
  }

  /** @throws RangeError if it is negative or `NaN`. */
  set slowCallbackDurationMs(ms: number) {
    const invalid = checkDuration("slowCallbackDurationMs", ms);
    if (invalid !== undefined) throw invalid;
    this.#slowCallbackMs = ms;
    if (this.isDebug) instruments.debug?.watch(this, this.loop, ms);
  }

  /** @throws ClosedError if the loop is closed. */
  #use(what: string): void {
    const refused = this.#refused(what);
    if (refused !== undefined) throw refused;
  }

  #refused(what: string): ClosedError | undefined {
    if (this.#isClosed) return new ClosedError(`${what} of an event loop that was closed`);
    if (instruments.debug !== undefined) this.#home.checkLoop(what);
    return undefined;
  }
}
