/** What every network owes to addresses: names, families, ports that are shared, the end to connect from. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { ListenOptions, Network, NetworkListener } from "../../src/kernel/network.ts";
import { end, type Pair, Recorder, rowsOf, type Within } from "./recorder.ts";

const LOOPBACKS = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
const noIpv6 = !LOOPBACKS.some(({ address }) => address === "::1") && "this machine has no IPv6";

type Servers = Recorder[];

/** Listens, and keeps a recorder for each connection. */
async function open(
  network: Network,
  address: SocketAddress,
  options: Omit<ListenOptions, "address"> = {},
): Promise<{ readonly listener: NetworkListener; readonly servers: Servers; readonly port: number }> {
  const servers: Servers = [];
  const accepted = (): Recorder => {
    const server = new Recorder();
    servers.push(server);
    return server;
  };
  const listener = await network.listen({ address, ...options }, { accepted, acceptFailed: assert.fail });
  return { listener, servers, port: (listener.address as SocketAddress).port };
}

async function join(network: Network, servers: Servers, address: SocketAddress, localHost?: string): Promise<Pair> {
  const client = new Recorder();
  network.connect({ address, ...(localHost === undefined ? {} : { localHost }) }, client);
  await client.until(() => client.log.length > 0);
  assert.deepEqual(client.log, ["made"], String(client.error));
  // Nobody tells of it where both sides are told at different times: the next turn does.
  while (servers.length === 0) await new Promise(setImmediate);
  const server = servers.pop() as Recorder;
  await server.has("made");
  return { client, server };
}

async function refusal(network: Network, address: SocketAddress): Promise<string | undefined> {
  const client = new Recorder();
  network.connect({ address }, client);
  await client.has("lost");
  assert.deepEqual(client.log, ["lost"]);
  return client.code;
}

export function addressContract(name: string, within: Within): void {
  const contract = rowsOf(name, within);

  contract("an address stands for itself, and a name for addresses", async (network) => {
    assert.deepEqual(await network.resolve("127.0.0.1"), [{ address: "127.0.0.1", family: 4 }]);
    assert.deepEqual(await network.resolve("::1"), [{ address: "::1", family: 6 }]);
    assert.deepEqual(await network.resolve("2001:db8::7"), [{ address: "2001:db8::7", family: 6 }]);
    const found = await network.resolve("localhost");
    assert.ok(found.length > 0);
    for (const { address, family } of found) assert.equal(address, family === 4 ? "127.0.0.1" : "::1");
  });

  contract("a name can be connected to; the address is told", async (network) => {
    const [first] = await network.resolve("localhost");
    const { listener, servers, port } = await open(network, { host: first?.address as string, port: 0 });
    const both = await join(network, servers, { host: "localhost", port });
    assert.deepEqual(both.client.transport.remoteAddress, { host: first?.address, port });
    await listener.close();
    await end(both);
  });

  contract(
    "IPv6 is a family of its own: its loopback is not that of IPv4",
    async (network) => {
      const { listener, servers, port } = await open(network, { host: "::1", port: 0 });
      assert.deepEqual(listener.address, { host: "::1", port });
      const both = await join(network, servers, { host: "::1", port });
      assert.deepEqual(both.server.transport.localAddress, { host: "::1", port });
      assert.equal((both.server.transport.remoteAddress as SocketAddress).host, "::1");
      assert.equal(await refusal(network, { host: "127.0.0.1", port }), "ECONNREFUSED");
      await listener.close();
      await end(both);
    },
    noIpv6,
  );

  contract(
    "a listener on :: takes IPv4, too, unless it says that it does not",
    async (network) => {
      const dual = await open(network, { host: "::", port: 0 });
      const both = await join(network, dual.servers, { host: "127.0.0.1", port: dual.port });
      await end(both);
      await end(await join(network, dual.servers, { host: "::1", port: dual.port }));
      await dual.listener.close();
      const six = await open(network, { host: "::", port: 0 }, { ipv6Only: true });
      assert.equal(await refusal(network, { host: "127.0.0.1", port: six.port }), "ECONNREFUSED");
      const four = await open(network, { host: "0.0.0.0", port: six.port });
      await end(await join(network, six.servers, { host: "::1", port: six.port }));
      await end(await join(network, four.servers, { host: "127.0.0.1", port: six.port }));
      await Promise.all([six.listener.close(), four.listener.close()]);
    },
    noIpv6,
  );

  contract("a listener on every address has the port on each", async (network) => {
    const { listener, servers, port } = await open(network, { host: "0.0.0.0", port: 0 });
    const taken = { code: "EADDRINUSE" };
    await assert.rejects(open(network, { host: "127.0.0.1", port }), taken);
    await end(await join(network, servers, { host: "127.0.0.1", port }));
    await listener.close();
  });

  contract("a port is shared by those who all want that, and by nobody else", async (network) => {
    const host = "127.0.0.1";
    const first = await open(network, { host, port: 0 }, { reusePort: true });
    const second = await open(network, { host, port: first.port }, { reusePort: true });
    await assert.rejects(open(network, { host, port: first.port }), { code: "EADDRINUSE" });
    const clients: Recorder[] = [];
    const connect = async (): Promise<void> => {
      const client = new Recorder();
      clients.push(client);
      network.connect({ address: { host, port: first.port } }, client);
      await client.has("made");
    };
    for (let count = 0; count < 40; count++) await connect();
    const all = (): Recorder[] => [...first.servers, ...second.servers];
    while (all().length < 40) await new Promise(setImmediate);
    assert.ok(first.servers.length > 0 && second.servers.length > 0, "one of them got every connection");
    await second.listener.close();
    const before = first.servers.length;
    for (let count = 0; count < 5; count++) await connect();
    while (all().length < 45) await new Promise(setImmediate);
    assert.equal(first.servers.length, before + 5);
    await first.listener.close();
    for (const side of clients) side.transport.abort();
    await Promise.all([...clients, ...all()].map((side) => side.has("lost")));
  });

  contract("the address to connect from can be chosen", async (network) => {
    const { listener, servers, port } = await open(network, { host: "127.0.0.1", port: 0 });
    const both = await join(network, servers, { host: "127.0.0.1", port }, "127.0.0.2");
    assert.equal((both.client.transport.localAddress as SocketAddress).host, "127.0.0.2");
    assert.deepEqual(both.server.transport.remoteAddress, both.client.transport.localAddress);
    await listener.close();
    await end(both);
  });
}
