/**
 * A network on which names have several addresses, each of which answers in its own way and time: for racing connections against each
 * other, and for listening on several addresses.
 */
import { currentLoop } from "coppice";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  ResolvedAddress,
} from "../../src/kernel/network.ts";
import { NotingTransport } from "./noting-transport.ts";

/** After how long an address answers, and with which error, if not with a connection. Without an entry it never does. */
export interface Answer {
  readonly afterMs: number;
  readonly error?: string;
}

export class RacingNetwork {
  /** By name; a string is the code that the lookup fails with. */
  readonly names: { [name: string]: readonly string[] | string } = {};
  readonly answers: { [address: string]: Answer } = {};
  lookupMs = 0;
  /** What happened, with the time. */
  readonly log: string[] = [];
  readonly protocols = new Map<string, Protocol>();
  readonly transports = new Map<string, NotingTransport>();
  /** What `listen` throws for an address, each once, in order. */
  readonly listenErrors: { [address: string]: string[] } = {};
  readonly listening = new Map<string, AcceptHandler>();
  // Callbacks come from outside of every run, where the loop in force is another.
  readonly #loop = currentLoop();
  #nextPort = 50_000;

  /** Becomes the network of the loop in force. */
  install(): this {
    Object.defineProperty(this.#loop, "network", { value: this satisfies Partial<Network> });
    return this;
  }

  async resolve(name: string): Promise<readonly ResolvedAddress[]> {
    await new Promise<void>((resolve) => this.#loop.callAt(this.#loop.time() + this.lookupMs, resolve));
    const found = this.names[name] ?? "ENOTFOUND";
    if (typeof found === "string") throw systemError(found);
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  }

  connect({ address, localHost }: ConnectOptions, protocol: Protocol): () => void {
    const host = "host" in address ? address.host : address.path;
    const from = localHost === undefined ? "" : ` from ${localHost}`;
    this.#note(`${host} begun${from}`);
    this.protocols.set(host, protocol);
    const answer = this.answers[host];
    if (answer === undefined) return () => this.#note(`${host} given up`);
    const timer = this.#loop.callAt(this.#loop.time() + answer.afterMs, () => {
      if (answer.error !== undefined) protocol.connectionLost(systemError(answer.error));
      else this.stand(host);
    });
    return () => {
      this.#note(`${host} given up`);
      timer.cancel();
    };
  }

  /** The connection to `host` stands now. */
  stand(host: string): void {
    const transport = new NotingTransport();
    this.transports.set(host, transport);
    this.protocols.get(host)?.connectionMade(transport);
  }

  listen({ address }: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    if (!("host" in address)) return Promise.reject(new Error("this network has no paths"));
    const error = this.listenErrors[address.host]?.shift();
    if (error !== undefined) return Promise.reject(systemError(error));
    const bound = { host: address.host, port: address.port === 0 ? this.#nextPort++ : address.port };
    const place = `${bound.host} ${bound.port}`;
    this.listening.set(place, handler);
    return Promise.resolve({
      address: bound,
      close: (): Promise<void> => {
        this.listening.delete(place);
        return Promise.resolve();
      },
    });
  }

  #note(what: string): void {
    this.log.push(`${this.#loop.time()} ${what}`);
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`system error ${code}`), { code });
}
