/**
 * A loop for generators. What will be there later is a future; a generator that yields one goes on when it is there.
 *
 * Built on the loop of step 2: a future is a callback that has not been given yet.
 */
import { Socket, WouldBlockError } from "coppice/selector";
import { Loop as CallbackLoop } from "../c002-callback/loop.ts";

/** An outcome that will be there. */
export class Future<T> {
  #outcome: (() => T) | undefined;
  #callbacks: (() => void)[] = [];

  /** Settles it: `outcome` gives the value, or throws. */
  settle(outcome: () => T): void {
    this.#outcome = outcome;
    for (const callback of this.#callbacks.splice(0)) callback();
  }

  /** Once it is settled. */
  result(): T {
    if (this.#outcome === undefined) throw new Error("asked for the result of a future that is not settled");
    return this.#outcome();
  }

  whenSettled(callback: () => void): void {
    if (this.#outcome === undefined) this.#callbacks.push(callback);
    else callback();
  }
}

/** What a task runs: it yields futures, and is given their results. */
export type Steps<T = void> = Generator<Future<unknown>, T, unknown>;

export class Loop {
  readonly #callbacks = new CallbackLoop();

  /** Runs a generator, step by step, as its futures settle. This is the trampoline. */
  createTask<T>(steps: Steps<T>): Future<T> {
    const end = new Future<T>();
    const go = (resume: () => IteratorResult<Future<unknown>, T>): void => {
      try {
        const { value, done } = resume();
        if (done) end.settle(() => value);
        else value.whenSettled(() => go(() => resumed(steps, value)));
      } catch (error) {
        end.settle(() => {
          throw error;
        });
      }
    };
    go(() => steps.next());
    return end;
  }

  /** Goes on while there is anything to wait for. */
  run(): void {
    this.#callbacks.run();
  }

  sleep(ms: number): Future<void> {
    const future = new Future<void>();
    this.#callbacks.callLater(ms, () => future.settle(() => {}));
    return future;
  }

  accept(listener: Socket): Future<Socket> {
    return this.#once("onReadable", listener, () => {
      const socket = listener.accept();
      socket.setBlocking(false);
      return socket;
    });
  }

  connect(port: number): Future<Socket> {
    const socket = new Socket();
    socket.setBlocking(false);
    try {
      socket.connect({ host: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof WouldBlockError)) throw error;
    }
    return this.#once("onWritable", socket, () => {
      socket.finishConnect();
      return socket;
    });
  }

  /** At most so many bytes; `undefined` is the end. */
  receive(socket: Socket, maxBytes: number): Future<Uint8Array | undefined> {
    return this.#once("onReadable", socket, () => socket.recv(maxBytes));
  }

  /** What the system takes now; gives how many bytes that is. */
  send(socket: Socket, bytes: Uint8Array): Future<number> {
    return this.#once("onWritable", socket, () => socket.send(bytes));
  }

  /** Makes the call when the socket is ready for it. */
  #once<T>(when: "onReadable" | "onWritable", socket: Socket, call: () => T): Future<T> {
    const future = new Future<T>();
    this.#callbacks[when](socket, () => {
      let outcome: () => T;
      try {
        const value = call();
        outcome = () => value;
      } catch (error) {
        // It is not, after all.
        if (error instanceof WouldBlockError) return;
        outcome = () => {
          throw error;
        };
      }
      if (!socket.isClosed) this.#callbacks[when](socket, undefined);
      future.settle(outcome);
    });
    return future;
  }
}

/** A step further: with the result of the future, or with its error, thrown where the generator waits. */
function resumed<T>(steps: Steps<T>, future: Future<unknown>): IteratorResult<Future<unknown>, T> {
  let result: unknown;
  try {
    result = future.result();
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next(result);
}
