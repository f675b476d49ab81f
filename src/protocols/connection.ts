/**
 * One end of a connection between the network, which speaks to a port protocol, and the user's `StreamProtocol`.
 *
 * One object is both the guard before the user's callbacks and the transport that the user is given: ten thousand idle connections
 * pay for one each.
 *
 *   connecting --connectionMade--> open --close or abort, here--> closing --connectionLost--> lost
 *
 * - Callbacks run in the context of whoever made the server or the connection, outside of every task (`home.ts`).
 * - One that throws is a fatal error: the connection is aborted, `connectionLost` gets the error, the exception handler is told.
 * - After `close` here, neither data nor end-of-file is passed on, though the network may still be flushing.
 */
import type { Address } from "../kernel/addresses.ts";
import type { InContext } from "../kernel/ambient.ts";
import { notBytes } from "../kernel/check-bytes.ts";
import { InvalidStateError } from "../kernel/errors.ts";
import { instruments } from "../kernel/instrument.ts";
import type { Protocol, Transport, WriteBufferLimits } from "../kernel/network.ts";
import type { TlsSession } from "../tls/engine.ts";
import type { Home, Resource } from "./home.ts";
import { type StartTlsOptions, startTls } from "./start-tls.ts";
import type { StreamProtocol, StreamTransport } from "./stream-protocol.ts";
import { writeLimits } from "./write-limits.ts";

/** Who keeps a connection, and is told what becomes of it. */
export interface ConnectionKeeper {
  /** The protocol of a connection that was made; called in its context. */
  protocolFor(connection: Connection): StreamProtocol;
  /** Its `connectionMade` was called. */
  made(connection: Connection): void;
  /** It could not be made: the network's error, or that of `protocolFor`. */
  failed(error: Error | undefined): void;
  /** Its `connectionLost` was called. */
  lost(connection: Connection): void;
}

// Functions and not methods, as that is what a context calls.
let tellMade: (connection: Connection) => void;
let tellData: (connection: Connection, bytes: Uint8Array) => void;
let tellEof: (connection: Connection) => void;
let tellLost: (connection: Connection, error: Error | undefined) => void;
let tellPause: (connection: Connection) => void;
let tellResume: (connection: Connection) => void;

export class Connection implements Protocol, StreamTransport, Resource {
  readonly #home: Home;
  readonly #inContext: InContext;
  readonly #keeper: ConnectionKeeper;
  #transport: Transport | undefined;
  #protocol: StreamProtocol | undefined;
  #isClosed = false;
  /** A network in memory may tell of the loss at once: the protocol then hears of it later, lest it be called within a call. */
  #isAborting = false;
  #isUpgrading = false;
  #tlsSession: TlsSession | undefined;
  /** What a callback threw. */
  #fatal: Error | undefined;

  constructor(home: Home, inContext: InContext, keeper: ConnectionKeeper) {
    this.#home = home;
    this.#inContext = inContext;
    this.#keeper = keeper;
  }

  // The protocol: called by the network.

  connectionMade(transport: Transport): void {
    this.#transport = transport;
    this.#inContext(tellMade, this);
  }

  dataReceived(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#inContext(tellData, this, bytes);
  }

  eofReceived(): void {
    if (!this.#isClosed) this.#inContext(tellEof, this);
  }

  connectionLost(error: Error | undefined): void {
    this.#isClosed = true;
    if (this.#transport === undefined) this.#keeper.failed(error);
    else if (this.#isAborting) this.#home.loop.afterTurn(() => this.#lost(error));
    else this.#lost(error);
  }

  pauseWriting(): void {
    this.#inContext(tellPause, this);
  }

  resumeWriting(): void {
    this.#inContext(tellResume, this);
  }

  static {
    tellMade = (connection) => connection.#made();
    tellData = (connection, bytes) => {
      connection.#call("dataReceived", (protocol) => protocol.dataReceived(bytes));
    };
    tellEof = (connection) => {
      const isKept = connection.#call("eofReceived", (protocol) => protocol.eofReceived());
      if (isKept !== true) connection.close();
    };
    tellLost = (connection, error) => {
      connection.#call("connectionLost", (protocol) => protocol.connectionLost(error));
    };
    tellPause = (connection) => {
      connection.#call("pauseWriting", (protocol) => protocol.pauseWriting());
    };
    tellResume = (connection) => {
      connection.#call("resumeWriting", (protocol) => protocol.resumeWriting());
    };
  }

  #lost(error: Error | undefined): void {
    if (this.#protocol === undefined) return;
    this.#inContext(tellLost, this, this.#fatal ?? error);
    this.#keeper.lost(this);
  }

  #made(): void {
    try {
      this.#protocol = this.#keeper.protocolFor(this);
    } catch (error) {
      this.abort();
      this.#keeper.failed(error as Error);
      return;
    }
    instruments.debug?.made(this);
    this.#call("connectionMade", (protocol) => protocol.connectionMade(this));
    this.#keeper.made(this);
  }

  /** Calls the user. What is thrown ends the connection. */
  #call<T>(name: string, call: (protocol: StreamProtocol) => T): T | undefined {
    const protocol = this.#protocol;
    if (protocol === undefined) return undefined;
    const { debug } = instruments;
    debug?.enter(this.#home.loop, () => `${name} of ${nameOf(protocol)}`, this);
    try {
      return call(protocol);
    } catch (error) {
      this.#threw(name, protocol, error);
      return undefined;
    } finally {
      debug?.leave();
    }
  }

  #threw(name: string, protocol: StreamProtocol, error: unknown): void {
    const isOver = name === "connectionLost";
    if (!isOver) {
      this.#fatal ??= error instanceof Error ? error : new Error(`${name} threw ${String(error)}`);
      this.abort();
    }
    this.#home.exceptions.report({
      message: `${name} of ${nameOf(protocol)} threw${isOver ? "" : ": its connection is aborted"}`,
      error,
      source: this,
    });
  }

  // The transport: called by the user.

  get #raw(): Transport {
    return this.#transport as Transport;
  }

  get protocol(): StreamProtocol {
    return this.#protocol as StreamProtocol;
  }

  set protocol(protocol: StreamProtocol) {
    this.#protocol = protocol;
  }

  get tlsSession(): TlsSession | undefined {
    return this.#tlsSession;
  }

  /** Goes on as TLS, with the same protocol or another: the network's transport is replaced under it. See `startTls`. */
  async startTls(protocol: StreamProtocol, options: StartTlsOptions): Promise<void> {
    this.#mustNotUpgrade("startTls");
    this.#isUpgrading = true;
    const plain = this.#protocol;
    this.#protocol = protocol;
    try {
      const transport = await startTls(this.#raw, this, options);
      this.#transport = transport;
      this.#tlsSession = transport.session;
    } catch (error) {
      // It did not begin, so all is as it was.
      if (this.#raw.protocol === this) this.#protocol = plain;
      throw error;
    } finally {
      this.#isUpgrading = false;
    }
  }

  #mustNotUpgrade(what: string): void {
    if (this.#isUpgrading)
      throw new InvalidStateError(`${what} while the connection is being made TLS: await startTls first`);
  }

  get localAddress(): Address {
    return this.#raw.localAddress;
  }

  get remoteAddress(): Address {
    return this.#raw.remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#raw.bufferedBytes;
  }

  get isClosing(): boolean {
    return this.#isClosed || this.#raw.isClosing;
  }

  setWriteBufferLimits(limits: Partial<WriteBufferLimits>): void {
    this.#raw.setWriteBufferLimits(writeLimits(limits));
  }

  write(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw notBytes("write", bytes);
    if (instruments.debug !== undefined) this.#home.checkLoop("write of a transport");
    if (this.#isUpgrading) this.#mustNotUpgrade("write");
    this.#raw.write(bytes);
  }

  writeEof(): void {
    if (instruments.debug !== undefined) this.#home.checkLoop("writeEof of a transport");
    if (this.#isUpgrading) this.#mustNotUpgrade("writeEof");
    this.#raw.writeEof();
  }

  pauseReading(): void {
    this.#raw.pauseReading();
  }

  resumeReading(): void {
    this.#raw.resumeReading();
  }

  close(): void {
    if (instruments.debug !== undefined) this.#home.checkLoop("close of a transport");
    this.#isClosed = true;
    this.#raw.close();
  }

  abort(): void {
    this.#isClosed = true;
    this.#isAborting = true;
    this.#raw.abort();
    this.#isAborting = false;
  }
}

function nameOf(protocol: object): string {
  return protocol.constructor.name || "a protocol";
}
