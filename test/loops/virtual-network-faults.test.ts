/** The network in memory: what a test may say about names, addresses, paths and faults. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, sleep } from "coppice";
import { type MemoryNetwork, VirtualLoop, type VirtualLoopOptions } from "coppice/testing";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { DatagramProtocol, DatagramTransport } from "../../src/kernel/datagrams.ts";
import { bytes, end, Recorder } from "../support/recorder.ts";
import { virtually } from "../support/virtual.ts";

const HERE = "127.0.0.1";

function inMemory<T>(fn: (network: MemoryNetwork) => Promise<T>, options: VirtualLoopOptions = {}): Promise<T> {
  return virtually(() => {
    const loop = currentLoop();
    assert.ok(loop instanceof VirtualLoop);
    return fn(loop.network);
  }, options);
}

async function listenAt(network: MemoryNetwork, host: string, port = 80): Promise<Recorder[]> {
  const servers: Recorder[] = [];
  const accepted = (): Recorder => {
    servers.push(new Recorder());
    return servers.at(-1) as Recorder;
  };
  await network.listen({ address: { host, port } }, { accepted, acceptFailed: assert.fail });
  return servers;
}

function connect(network: MemoryNetwork, host: string): Recorder & { abandon: () => void } {
  const client = new Recorder();
  return Object.assign(client, { abandon: network.connect({ address: { host, port: 80 } }, client) });
}

test("port 0 gives a port that is free, also where somebody took it by number", () =>
  inMemory(async (network) => {
    const handler = { accepted: assert.fail, acceptFailed: assert.fail };
    const { port } = (await network.listen({ address: { host: HERE, port: 0 } }, handler)).address as SocketAddress;
    await network.listen({ address: { host: HERE, port: port + 1 } }, handler);
    const third = await network.listen({ address: { host: HERE, port: 0 } }, handler);
    assert.deepEqual(third.address, { host: HERE, port: port + 2 });
  }));

test("ports of connections start again at the end of their range", () =>
  inMemory(async (network) => {
    const servers = await listenAt(network, HERE);
    for (let count = 0; count < 17_000; count++) {
      const client = connect(network, HERE);
      await client.has("made");
      assert.ok((client.transport.localAddress as SocketAddress).port < 65_536);
      client.transport.abort();
      await servers.pop()?.has("lost");
    }
  }));

test("a name has the addresses that it was given, in order; no addresses: it is not known", () =>
  inMemory(async (network) => {
    network.hosts.set("both.test", ["2001:db8::1", "192.0.2.1"]);
    network.hosts.set("gone.test", []);
    assert.deepEqual(await network.resolve("both.test"), [
      { address: "2001:db8::1", family: 6 },
      { address: "192.0.2.1", family: 4 },
    ]);
    assert.deepEqual(await network.resolve("any.other"), [{ address: HERE, family: 4 }]);
    for (const name of ["gone.test", "name.invalid", ""]) {
      await assert.rejects(network.resolve(name), { code: "ENOTFOUND" });
      const client = connect(network, name);
      await client.has("lost");
      assert.equal(client.code, "ENOTFOUND");
    }
  }));

test("a connection to a name is made to the first of its addresses that answers", () =>
  inMemory(async (network) => {
    network.hosts.set("both.test", ["2001:db8::1", "192.0.2.1"]);
    const servers = await listenAt(network, "192.0.2.1");
    const client = connect(network, "both.test");
    await client.has("made");
    assert.deepEqual(client.transport.remoteAddress, { host: "192.0.2.1", port: 80 });
    await end({ client, server: servers[0] as Recorder });
    network.hosts.set("none.test", ["2001:db8::1", "2001:db8::2"]);
    const refused = connect(network, "none.test");
    await refused.has("lost");
    assert.equal(refused.code, "ECONNREFUSED");
    assert.match(String(refused.error), /2001:db8::2/);
  }));

test("a listener at one address is not found at another", () =>
  inMemory(async (network) => {
    await listenAt(network, "192.0.2.1");
    const client = connect(network, "192.0.2.2");
    await client.has("lost");
    assert.equal(client.code, "ECONNREFUSED");
  }));

test("a route takes its time, and an attempt that is abandoned on the way leaves no timer", () =>
  inMemory(async (network) => {
    const loop = currentLoop();
    network.routes.set("192.0.2.1", { latencyMs: 300 });
    const servers = await listenAt(network, "192.0.2.1");
    const client = connect(network, "192.0.2.1");
    await client.has("made");
    assert.equal(loop.time(), 300);
    await end({ client, server: servers[0] as Recorder });
    const other = connect(network, "192.0.2.1");
    await sleep(100);
    other.abandon();
    await other.has("lost");
    assert.deepEqual([other.error, other.log, loop.time()], [undefined, ["lost"], 400]);
  }));

test("a route without an end never answers, and can be abandoned", () =>
  inMemory(async (network) => {
    network.routes.set("192.0.2.1", { latencyMs: Infinity });
    await listenAt(network, "192.0.2.1");
    const client = connect(network, "192.0.2.1");
    await sleep(1_000_000);
    assert.deepEqual(client.log, []);
    client.abandon();
    client.abandon();
    await client.has("lost");
    assert.equal(client.error, undefined);
  }));

test("a route fails with what it was told to, in its time", () =>
  inMemory(async (network) => {
    network.routes.set("192.0.2.1", { latencyMs: 20, fails: "EHOSTUNREACH" });
    await listenAt(network, "192.0.2.1");
    const client = connect(network, "192.0.2.1");
    await client.has("lost");
    assert.deepEqual([client.code, currentLoop().time()], ["EHOSTUNREACH", 20]);
  }));

test("an accept fails as often as asked for, and the listener goes on", () =>
  inMemory(async (network) => {
    network.acceptErrors.push("EMFILE", "ENFILE");
    const failures: unknown[] = [];
    const server = new Recorder();
    const acceptFailed = (error: NodeJS.ErrnoException): void => {
      failures.push(error.code);
    };
    await network.listen({ address: { host: HERE, port: 80 } }, { accepted: () => server, acceptFailed });
    for (let count = 0; count < 2; count++) {
      const client = connect(network, HERE);
      await client.has("lost");
      assert.deepEqual([client.log, client.code], [["made", "lost"], "ECONNRESET"]);
    }
    const client = connect(network, HERE);
    await server.has("made");
    assert.deepEqual(failures, ["EMFILE", "ENFILE"]);
    await end({ client, server });
  }));

/** Sends `count` numbered datagrams in one turn; what arrived, in order. */
async function volley(network: MemoryNetwork, count: number): Promise<number[]> {
  const received: number[] = [];
  const protocol: DatagramProtocol = {
    connectionMade() {},
    datagramReceived: (datagram) => {
      received.push(Number(Buffer.from(datagram).toString()));
    },
    errorReceived: assert.fail,
    connectionLost() {},
    pauseWriting() {},
    resumeWriting() {},
  };
  const transport: DatagramTransport = await network.openDatagrams({ local: { host: HERE, port: 0 } }, protocol);
  for (let number = 0; number < count; number++) transport.sendTo(bytes(String(number)), transport.localAddress);
  await sleep(1);
  transport.close();
  return received;
}

test("datagrams arrive in order, once, unless asked for otherwise, whatever the seed", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const received = await inMemory((network) => volley(network, 20), { seed });
    assert.deepEqual(
      received,
      Array.from({ length: 20 }, (_, number) => number),
    );
  }
});

test("faults of datagrams are drawn from the seed: the same each time, and each of them happens", async () => {
  for (const [fault, shows] of [
    ["loss", (received: number[]) => received.length < 100],
    ["duplication", (received: number[]) => received.length > new Set(received).size],
    ["reordering", (received: number[]) => received.some((number, index) => number < (received[index - 1] ?? -1))],
  ] as const) {
    const once = (): Promise<number[]> =>
      inMemory(
        (network) => {
          network.datagramFaults[fault] = 0.2;
          return volley(network, 100);
        },
        { seed: 7 },
      );
    const received = await once();
    assert.ok(shows(received), `no ${fault}: ${received}`);
    assert.deepEqual(await once(), received);
  }
});

test("a paused endpoint keeps what it may, and what comes beyond is lost", () =>
  inMemory(async (network) => {
    let received = 0;
    const protocol: DatagramProtocol = {
      connectionMade: (transport) => transport.pauseReading(),
      datagramReceived: () => {
        received++;
      },
      errorReceived: assert.fail,
      connectionLost() {},
      pauseWriting() {},
      resumeWriting() {},
    };
    const transport = await network.openDatagrams({ local: { host: HERE, port: 0 } }, protocol);
    for (let count = 0; count < 10_000; count++) transport.sendTo(new Uint8Array(0), transport.localAddress);
    await sleep(1);
    assert.equal(received, 0);
    transport.resumeReading();
    await sleep(1);
    assert.ok(received > 100 && received < 1_000, `${received} were kept`);
    transport.close();
    await sleep(1);
  }));

test("datagrams take their route: late, lost, or refused", () =>
  inMemory(async (network) => {
    const log: string[] = [];
    const loop = currentLoop();
    const protocol: DatagramProtocol = {
      connectionMade() {},
      datagramReceived: () => log.push(`received at ${loop.time()}`),
      errorReceived: (error) => log.push(String((error as NodeJS.ErrnoException).code)),
      connectionLost() {},
      pauseWriting() {},
      resumeWriting() {},
    };
    network.routes.set("192.0.2.1", { latencyMs: 30 });
    network.routes.set("192.0.2.2", { latencyMs: Infinity });
    network.routes.set("192.0.2.3", { fails: "ENETUNREACH" });
    const transport = await network.openDatagrams({ local: { host: "0.0.0.0", port: 53 } }, protocol);
    for (const last of [1, 2, 3]) transport.sendTo(bytes("?"), { host: `192.0.2.${last}`, port: 53 });
    await sleep(100);
    assert.deepEqual(log, ["ENETUNREACH", "received at 30"]);
    transport.close();
    await sleep(1);
  }));

test("a member of a group on this machine does not get what was sent without loopback", () =>
  inMemory(async (network) => {
    let received = 0;
    const protocol: DatagramProtocol = {
      connectionMade: (transport) => transport.joinGroup("239.1.2.3"),
      datagramReceived: () => {
        received++;
      },
      errorReceived: assert.fail,
      connectionLost() {},
      pauseWriting() {},
      resumeWriting() {},
    };
    const transport = await network.openDatagrams({ local: { host: "0.0.0.0", port: 53 } }, protocol);
    transport.sendTo(bytes("heard"), { host: "239.1.2.3", port: 53 });
    await sleep(1);
    transport.setMulticast({ loopback: false });
    transport.sendTo(bytes("not heard"), { host: "239.1.2.3", port: 53 });
    await sleep(1);
    assert.equal(received, 1);
    transport.close();
    await sleep(1);
  }));
