/**
 * One end of a JSON-RPC 2.0 connection. Both ends are alike: each can call, notify, and serve methods.
 *
 *   created --run--> reading --end-of-file, lost, closed, frame error--> ending (requests cancelled, calls failed) --> over
 *                    reading --stop asked--> stopping (requests go on, new ones are refused) --none left--> ending
 *
 * - Each request runs in a task of its own below the connection: the end of the connection cancels it.
 * - A message that is wrong is answered as the specification says, and the connection lives on. Only a broken
 *   frame ends it, as nothing after it can be told apart.
 * - The reader takes nothing on while answers cannot leave, or `maxInFlight` requests are being worked on. Answers to our own
 *   calls wait behind that, so two peers that call each other from within methods need a limit above the depth of their mutual calls.
 */

import type { Address } from "../kernel/addresses.ts";
import { detour, mustDetour } from "../kernel/checkpoint.ts";
import { BrokenError, ClosedError, InvalidStateError } from "../kernel/errors.ts";
import { quietly } from "../kernel/quiet.ts";
import { currentLoop, currentNode, currentScope, onStopping } from "../kernel/scope.ts";
import { cancelScope, moveOnAfter } from "../kernel/scopes.ts";
import { taskGroup } from "../kernel/task-group.ts";
import type { ByteStream } from "../streams/byte-stream.ts";
import { FrameError } from "../streams/errors.ts";
import type { FrameDecoder, Framing } from "../streams/framing/framing.ts";
import { Calls } from "./calls.ts";
import { Incoming } from "./incoming.ts";
import { Inlet } from "./inlet.ts";
import { type Params, parseError, writeRequest } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { PeerSettings } from "./peer-options.ts";
import { currentRequestOwner, type Requests } from "./requests.ts";

/** How long the last answers may take to leave when the connection ends. */
const FLUSH_MS = 5_000;
/** How long a peer that goes on sending is read when this side ends the connection, and how long one that does not. */
const FAREWELL_MS = 1_000;
const QUIET_MS = 100;

/** The other side of a connection: what can be asked of it. */
export interface Peer {
  readonly remoteAddress: Address | undefined;
  /** Whether the connection is over: calls are refused. */
  readonly isClosed: boolean;
  /**
   * Calls a method and waits for its result. Always a checkpoint; cancelled, the answer is ignored when it comes.
   * Waits first while what was sent before cannot leave.
   *
   * @throws RpcError if the other side answered with an error.
   * @throws BrokenError if the connection was lost before the answer came.
   * @throws ClosedError if this side closed the connection.
   * @throws TypeError if the params cannot be written as JSON.
   * @throws FrameError if they are larger than the framing's `maxFrameBytes`.
   */
  request<T = unknown>(method: string, params?: Params): Promise<T>;
  /** Calls a method and wants no answer. Returns when the message is on its way. Errors as for `request`. */
  notify(method: string, params?: Params): Promise<void>;
  /** Sends what is on its way, then closes the connection. Calls that still wait get `ClosedError`. Idempotent. */
  close(): Promise<void>;
}

export class PeerConnection implements Peer {
  readonly #stream: ByteStream;
  readonly #inlet: Inlet;
  readonly #framing: Framing;
  readonly #maxInFlight: number;
  readonly #outbox: Outbox;
  readonly #calls = new Calls();
  readonly #incoming: Incoming;
  #hasRun = false;
  /** Why calls are refused; set once. */
  #over: (() => Error) | undefined;

  constructor(stream: ByteStream, settings: PeerSettings) {
    this.#stream = stream;
    this.#inlet = new Inlet(stream);
    this.#framing = settings.framing;
    this.#maxInFlight = settings.maxInFlight;
    this.#outbox = new Outbox(stream, this.#framing);
    this.#incoming = new Incoming({
      methods: settings.methods,
      maxBatchLength: settings.maxBatchLength,
      onError: settings.onError,
      outbox: this.#outbox,
      calls: this.#calls,
    });
  }

  get remoteAddress(): Address | undefined {
    return (this.#stream as { readonly remoteAddress?: Address }).remoteAddress;
  }

  get isClosed(): boolean {
    return this.#over !== undefined;
  }

  request<T = unknown>(method: string, params?: Params): Promise<T> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.request<T>(method, params));
    if (this.#over !== undefined) return Promise.reject(this.#over());
    if (this.#outbox.isBlocked) return this.#whenUnblocked(() => this.request<T>(method, params));
    const id = this.#calls.nextId();
    const refusal = this.#sendCall(method, params, id);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#calls.wait(scope, id) as Promise<T>;
  }

  notify(method: string, params?: Params): Promise<void> {
    const scope = currentNode();
    if (mustDetour(scope)) return detour(scope, () => this.notify(method, params));
    if (this.#over !== undefined) return Promise.reject(this.#over());
    if (this.#outbox.isBlocked) return this.#whenUnblocked(() => this.notify(method, params));
    const refusal = this.#sendCall(method, params, undefined);
    return refusal === undefined ? Promise.resolve() : Promise.reject(refusal);
  }

  close(): Promise<void> {
    return quietly(async () => {
      this.#refuse(() => new ClosedError("this side has closed the connection"));
      try {
        await this.#outbox.flushed();
      } finally {
        await this.#stream.close();
      }
    });
  }

  /**
   * Serves the connection until it is over. Asked to stop, it begins no new request, and ends when those begun
   * have ended; unless it `outlivesStops`, as where this side still calls and closes by itself. Does not close the stream.
   */
  run(outlivesStops: boolean): Promise<void> {
    if (this.#hasRun) return Promise.reject(new InvalidStateError("a peer is run once"));
    this.#hasRun = true;
    return taskGroup(async (group) => {
      this.#outbox.begin(group);
      const loop = currentLoop();
      const requests = this.#incoming.begin(currentNode(), this);
      try {
        await this.#readUntilStopped(requests, outlivesStops);
      } finally {
        this.#refuse(() => new BrokenError("the connection is over: the peer closed it"));
        // A request that does not react to its cancellation keeps its task, but not the descriptor of the connection.
        const patience = loop.callAt(loop.time() + FLUSH_MS, () => this.#stream.abort());
        await requests.end("the connection is over");
        patience.cancel();
        if (!currentScope().isCancelled) await moveOnAfter(FLUSH_MS, () => this.#outbox.flushed());
        this.#outbox.end();
      }
    });
  }

  async #readUntilStopped(requests: Requests, outlivesStops: boolean): Promise<void> {
    const isOver = await cancelScope(async (reading) => {
      const forget = onStopping(currentNode(), () => {
        this.#incoming.isStopping = true;
        if (!outlivesStops) void requests.fewerThan(1).then(() => reading.cancel("stopping"));
      });
      try {
        await this.#read(requests);
      } catch (error) {
        if (error instanceof FrameError) {
          this.#refuse(() => new BrokenError(`the connection is over: ${error.message}`, { cause: error }));
          this.#incoming.refuse(parseError(error.message));
          await this.#partFromPeer();
        } else if (error instanceof BrokenError) {
          this.#refuse(() => new BrokenError(`the connection is over: ${error.message}`, { cause: error }));
        } else if (!(error instanceof ClosedError)) throw error;
      } finally {
        forget();
      }
      return true;
    });
    if (isOver === undefined) await this.#partFromPeer();
  }

  async #read(requests: Requests): Promise<void> {
    const decoder = this.#framing.decoder();
    for (;;) {
      if (this.#outbox.isBlocked) await this.#outbox.flushed();
      const bytes = await this.#inlet.receive();
      // In some framings the end is what completes the last message.
      if (bytes === undefined) decoder.end();
      else decoder.push(bytes);
      for (let text = this.#nextText(decoder); text !== undefined; text = this.#nextText(decoder)) {
        if (requests.count >= this.#maxInFlight && !(await this.#awaitRoom(requests))) return;
        if (this.#outbox.isBlocked) await this.#outbox.flushed();
        this.#incoming.receive(text);
      }
      if (bytes === undefined) return;
    }
  }

  /** False if the connection ended before there was room: then its requests are to be cancelled, not waited for. */
  #awaitRoom(requests: Requests): Promise<boolean> {
    return this.#inlet.readOnUntil(requests.fewerThan(this.#maxInFlight));
  }

  /** The next message as text. One that is no UTF-8 is answered here and passed over. */
  #nextText(decoder: FrameDecoder): string | undefined {
    for (;;) {
      try {
        return decoder.nextText();
      } catch (error) {
        if (error instanceof FrameError) throw error;
        this.#incoming.refuse(parseError("the message is not valid UTF-8"));
      }
    }
  }

  /** Sends a call; returns why it cannot be sent. */
  #sendCall(method: string, params: Params | undefined, id: number | undefined): Error | undefined {
    if (typeof method !== "string") return new TypeError(`expected a method name, got ${typeof method}`);
    if (params !== undefined && (typeof params !== "object" || params === null)) {
      return new TypeError(`params of "${method}": expected an array or an object, got ${String(params)}`);
    }
    try {
      const text = writeRequest(method, params, id);
      this.#outbox.push(text);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /**
   * Sends what is on its way and end-of-file, and reads on for a moment while the peer still sends: closing on unread bytes
   * is a reset, which would take the last answers back.
   */
  async #partFromPeer(): Promise<void> {
    await moveOnAfter(FAREWELL_MS, async () => {
      try {
        await this.#outbox.flushed();
        await this.#stream.sendEof();
        // Twice: of a loop that was held up, the first is over before it has looked what came meanwhile.
        for (let quiet = 0; quiet < 2; quiet++) {
          while (await moveOnAfter(QUIET_MS, async () => (await this.#inlet.receive()) !== undefined)) quiet = 0;
        }
      } catch (lost) {
        if (!(lost instanceof BrokenError || lost instanceof ClosedError)) throw lost;
      }
    });
  }

  #whenUnblocked<T>(again: () => Promise<T>): Promise<T> {
    return quietly(async () => {
      await this.#outbox.flushed();
      return again();
    });
  }

  #refuse(make: () => Error): void {
    this.#over ??= make;
    this.#calls.failAll(this.#over);
  }
}

/** The peer whose request the running code works on: for methods that call back. `undefined` outside of a method. */
export function currentPeer(): Peer | undefined {
  return currentRequestOwner() as Peer | undefined;
}
