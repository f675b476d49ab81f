/**
 * TLS without input and output: sealed bytes are fed in and come out, plain bytes are written in and come out, and somebody else moves them.
 *
 *   handshaking --secured--> open --finish()--> our close_notify is out     independent of each other,
 *                                 --ended-----> the peer's came              as in TLS 1.3
 *   any of them --failed--> failed            nothing more comes out but, before `failed`, the alert
 *   any of them --destroy--> destroyed        nothing more comes out at all
 *
 * It is Node's `TLSSocket` over a private stream. What that does at once and what later, and what is made of it:
 * - Fed bytes are worked on within `feed`, and their plain bytes come out there: `push` of the socket is taken over, so nothing waits in
 *   its buffers, and close_notify is told from a connection that merely ended. This holds once Node has begun to read, a tick after the making:
 *   until `started`, nothing may be fed.
 * - What is written is sealed, and comes out, within `write`, unless Node has not heard yet that its last write was taken, which
 *   it does in the next turn of the event loop (`isReady`). Then it comes out there.
 * - A failure before the handshake is done is told a tick later.
 * Nothing of that waits for the outside world: no lookups, no threads, no timers. While Node owes a turn, a loop whose time jumps is asked for
 * turns, too, so that its time stands still.
 *
 * Rejected: a `tls.Server` for the server's side (it cannot say which connection it speaks of, and sets timers of the host); verifying
 * certificates by hand; sockets that Node makes itself, which know no virtual network and no streams of the user's.
 */
import type { X509Certificate } from "node:crypto";
import { connect, TLSSocket } from "node:tls";
import type { Loop } from "../kernel/ports.ts";
import { type Context, isAddress } from "./context.ts";
import { failureOf, type TlsFailure } from "./errors.ts";
import { CiphertextPipe } from "./pipe.ts";

/** How many turns Node may need to hear that its write was taken: in the first it may come after us, in the second it has been told. */
const SPEAKING_TURNS = 2;

/** What both ends agreed on. */
export interface TlsSession {
  /** The application protocol; `undefined` if none was offered. */
  readonly alpnProtocol: string | undefined;
  /** The peer's certificate, verified; `undefined` for a client that has shown none. */
  readonly peerCertificate: X509Certificate | undefined;
  /** The name that the client asked for; `undefined` if it asked for none, or for an address. */
  readonly serverName: string | undefined;
  /** `"TLSv1.3"`. */
  readonly version: string;
  /** In the words of the standards, as `"TLS_AES_256_GCM_SHA384"`. */
  readonly cipher: string;
}

/** Which side it is. A client says whom it expects, by name or by address. */
export type TlsRole =
  | { readonly side: "client"; readonly serverName: string; readonly context: Context }
  | { readonly side: "server"; readonly context: Context };

/** Who is told what comes out of the engine. */
export interface TlsEvents {
  /** Bytes for the peer. */
  sealed(bytes: Uint8Array): void;
  /** Bytes from the peer. */
  opened(bytes: Uint8Array): void;
  /** The handshake is done, and the peer is who it has to be. */
  secured(session: TlsSession): void;
  /** The peer's close_notify: it sends no more. */
  ended(): void;
  /** What was written is out, and so is our close_notify if we have finished. */
  drained(): void;
  failed(failure: TlsFailure): void;
}

export class TlsEngine {
  /** Settles when it may be fed. */
  readonly started: Promise<void>;
  readonly #events: TlsEvents;
  readonly #loop: Loop;
  readonly #role: TlsRole;
  readonly #pipe: CiphertextPipe;
  readonly #socket: TLSSocket;
  #state: "handshaking" | "open" | "failed" | "destroyed" = "handshaking";
  #hasEnded = false;
  #hasFinished = false;
  /** Writes, and the finish, that Node has not told to be done. */
  #underWay = 0;
  #sealedBytes = 0;
  #speakingTurns = 0;

  /** A client's first bytes come out at once. */
  constructor(role: TlsRole, events: TlsEvents, loop: Loop) {
    this.#role = role;
    this.#events = events;
    this.#loop = loop;
    this.#pipe = new CiphertextPipe((bytes) => this.#seal(bytes));
    this.#socket = role.side === "client" ? this.#client(role) : this.#server(role);
    const socket = this.#socket;
    socket.push = (bytes: Uint8Array | null): boolean => {
      this.#open(bytes);
      return true;
    };
    socket.on("error", (error) => this.#fail(error));
    // A failure after the handshake, which a server's socket tells nobody else.
    socket.on("_tlsError" as "error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the peer gave no reason")));
    socket.on(role.side === "client" ? "secureConnect" : ("secure" as "secureConnect"), () => this.#secure());
    this.started = new Promise((resolve) => {
      process.nextTick(resolve);
    });
  }

  /** Whether what is written comes out at once. */
  get isReady(): boolean {
    return this.#underWay === 0;
  }

  /** Whether more may come out by itself, in one of the next turns of the loop. */
  get isSpeaking(): boolean {
    return this.#speakingTurns > 0;
  }

  /** Whether it can still say anything to the peer. */
  get isAlive(): boolean {
    return this.#state === "handshaking" || this.#state === "open";
  }

  /** Plain bytes that were written and have not come out sealed. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Takes in bytes from the peer, which must not be changed afterwards. */
  feed(bytes: Uint8Array): void {
    if (this.isAlive) this.#pipe.push(bytes);
  }

  /** Seals `bytes`, which must not be changed afterwards. Whether they came out already. */
  write(bytes: Uint8Array): boolean {
    if (!this.isAlive || this.#hasFinished || bytes.length === 0) return true;
    const before = this.#sealedBytes;
    this.#underWay++;
    this.#socket.write(bytes, this.#done);
    return this.#sealedBytes - before >= bytes.length;
  }

  /** Says that no more will be written: close_notify. */
  finish(): void {
    if (!this.isAlive || this.#hasFinished) return;
    this.#hasFinished = true;
    this.#underWay++;
    this.#stayAwake();
    this.#socket.end(this.#done);
  }

  /** Lets go of everything; nothing comes out any more. Idempotent. */
  destroy(): void {
    if (this.#state === "destroyed") return;
    this.#state = "destroyed";
    this.#socket.destroy();
  }

  readonly #done = (): void => {
    this.#underWay--;
    if (this.isAlive) this.#events.drained();
  };

  #client(role: Extract<TlsRole, { side: "client" }>): TLSSocket {
    const { serverName, context } = role;
    return connect({
      socket: this.#pipe,
      secureContext: context.secure,
      host: serverName,
      ...(isAddress(serverName) ? {} : { servername: serverName }),
      ...(context.alpnProtocols.length === 0 ? {} : { ALPNProtocols: [...context.alpnProtocols] }),
      // Also against NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: true,
    });
  }

  #server({ context }: TlsRole): TLSSocket {
    return new TLSSocket(this.#pipe, {
      isServer: true,
      secureContext: context.secure,
      requestCert: context.clientCertificates !== "none",
      rejectUnauthorized: context.clientCertificates === "required",
      ...(context.alpnProtocols.length === 0 ? {} : { ALPNProtocols: [...context.alpnProtocols] }),
      ...(context.hasNames ? { SNICallback: (name, tell) => tell(null, context.forName(name)?.secure) } : {}),
    });
  }

  #seal(bytes: Uint8Array): void {
    this.#stayAwake();
    this.#sealedBytes += bytes.length;
    if (this.#state !== "destroyed") this.#events.sealed(bytes);
  }

  #open(bytes: Uint8Array | null): void {
    if (this.#state !== "open" || this.#hasEnded) return;
    if (bytes !== null) {
      this.#events.opened(bytes);
      return;
    }
    this.#hasEnded = true;
    this.#events.ended();
  }

  #secure(): void {
    if (this.#state !== "handshaking") return;
    const certificate = this.#socket.getPeerX509Certificate();
    const objection = this.#objectionTo(certificate);
    if (objection !== undefined) {
      this.#fail(objection);
      return;
    }
    this.#state = "open";
    const { alpnProtocol } = this.#socket;
    const servername = (this.#socket as { servername?: string | false | null }).servername;
    this.#events.secured({
      alpnProtocol: alpnProtocol || undefined,
      peerCertificate: certificate,
      serverName: this.#role.side === "client" ? this.#askedName(this.#role.serverName) : servername || undefined,
      version: this.#socket.getProtocol() ?? "",
      cipher: this.#socket.getCipher().standardName,
    });
  }

  #askedName(serverName: string): string | undefined {
    return isAddress(serverName) ? undefined : serverName;
  }

  /** Node verifies, and objects for a client by itself; that of a server asks. */
  #objectionTo(certificate: X509Certificate | undefined): Error | undefined {
    if (this.#role.side === "client") {
      return this.#socket.authorized ? undefined : new Error("the peer was not verified");
    }
    if (certificate === undefined || this.#role.context.clientCertificates === "none") return undefined;
    // What `tls.Server` asks; there is no public way to it. Without it nobody is let in.
    const { _handle: handle } = this.#socket as { _handle?: { verifyError?: () => Error | null } };
    if (handle?.verifyError === undefined)
      return new Error("this version of Node.js does not tell of client certificates");
    return handle.verifyError() ?? undefined;
  }

  #fail(error: Error): void {
    if (!this.isAlive) return;
    this.#state = "failed";
    this.#events.failed(failureOf(error));
  }

  /** In the handshake more may come out by itself; after it, only a loop whose time jumps must know that Node is not done. */
  #stayAwake(): void {
    if (this.#state === "open" && this.#loop.jumps !== true) return;
    const isArmed = this.#speakingTurns > 0;
    this.#speakingTurns = SPEAKING_TURNS;
    if (!isArmed) this.#loop.afterTurn(this.#turn);
  }

  readonly #turn = (): void => {
    if (--this.#speakingTurns > 0) this.#loop.afterTurn(this.#turn);
  };
}
