/** The network of a `SelectorLoop`: nonblocking sockets and epoll. Names are resolved by Node, on its threads. */
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../kernel/datagrams.ts";
import type {
  AcceptHandler,
  ConnectOptions,
  ListenOptions,
  Network,
  NetworkListener,
  Protocol,
  ResolvedAddress,
} from "../../kernel/network.ts";
import { NodeNetwork } from "../node/network.ts";
import { Attempt } from "./attempt.ts";
import { PolledDatagrams } from "./datagrams.ts";
import { type Delay, PolledListener } from "./listener.ts";
import { addressOf, familyOf } from "./names.ts";
import type { Poller } from "./poller.ts";

export class PolledNetwork implements Network {
  readonly #poller: Poller;
  readonly #delay: Delay;
  /** For what has nothing to do with sockets. */
  readonly #node: NodeNetwork;

  constructor(poller: Poller, delay: Delay, turnBegan: () => void) {
    this.#poller = poller;
    this.#delay = delay;
    this.#node = new NodeNetwork(turnBegan);
  }

  connect(options: ConnectOptions, protocol: Protocol): () => void {
    const attempt = new Attempt(this.#poller, options, protocol);
    return () => attempt.abandon();
  }

  async listen(options: ListenOptions, handler: AcceptHandler): Promise<NetworkListener> {
    const { address } = options;
    const numeric = "path" in address ? address : await addressOf(address);
    return new PolledListener(this.#poller, this.#delay, { ...options, address: numeric }, handler);
  }

  resolve(host: string): Promise<readonly ResolvedAddress[]> {
    return this.#node.resolve(host);
  }

  async openDatagrams(options: DatagramOptions, protocol: DatagramProtocol): Promise<DatagramTransport> {
    // The family of an address that is given holds for the name of the other one.
    const remote = options.remote && (await addressOf(options.remote, familyOf(options.local) ?? options.family));
    const local = options.local && (await addressOf(options.local, familyOf(remote) ?? options.family));
    const family = familyOf(local) ?? familyOf(remote) ?? options.family ?? 4;
    const numeric = { ...options, family, ...(local && { local }), ...(remote && { remote }) };
    return new PolledDatagrams(this.#poller, numeric, protocol);
  }

  unlink(path: string): Promise<void> {
    return this.#node.unlink(path);
  }
}
