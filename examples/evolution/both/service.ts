/** The server's half: a JSON-RPC service that answers "ok", and counts what it did. */
import { type SocketStream, serve, type TcpListener } from "coppice/net";
import { servePeer } from "coppice/rpc";

export class Service {
  /** Connections that were made, and those that are open now. */
  connections = 0;
  openConnections = 0;
  calls = 0;

  readonly #methods = { connect: () => this.#ok(), heartbeat: () => this.#ok(), foo: () => this.#ok() };

  get methodNames(): string[] {
    return Object.keys(this.#methods);
  }

  /** Serves every connection, each in a task of its own, until a stop is asked of a scope around. */
  async serve(listener: TcpListener): Promise<void> {
    await serve(listener, (stream) => this.#serveOne(stream));
  }

  async #serveOne(stream: SocketStream): Promise<void> {
    this.connections++;
    this.openConnections++;
    try {
      await servePeer(stream, { methods: this.#methods });
    } finally {
      this.openConnections--;
    }
  }

  #ok(): string {
    this.calls++;
    return "ok";
  }
}
