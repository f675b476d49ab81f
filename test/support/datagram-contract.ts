/** What every network owes to datagrams: run against the sockets of each loop and against the network in memory. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../src/kernel/datagrams.ts";
import type { Network } from "../../src/kernel/network.ts";
import { bytes, rowsOf, type Within } from "./recorder.ts";

const LOOPBACKS = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
const noIpv6 = !LOOPBACKS.some(({ address }) => address === "::1") && "this machine has no IPv6";

const HERE = "127.0.0.1";
const GROUP = "239.255.71.9";
const HIGH_WATER_BYTES = 64 * 1024;

/** Notes what it is told, and checks the order that the port promises. */
class Mailbox implements DatagramProtocol {
  transport!: DatagramTransport;
  readonly log: string[] = [];
  readonly received: string[] = [];
  readonly senders: SocketAddress[] = [];
  readonly codes: (string | undefined)[] = [];
  lost: { readonly error: Error | undefined } | undefined;
  #watchers: (() => void)[] = [];

  connectionMade(transport: DatagramTransport): void {
    assert.deepEqual(this.log, []);
    this.transport = transport;
    this.#note("made");
  }

  datagramReceived(data: Uint8Array, from: SocketAddress): void {
    this.received.push(data.length < 1_000 ? Buffer.from(data).toString() : `${data.length} bytes`);
    this.senders.push(from);
    this.#note("datagram");
  }

  errorReceived(error: Error): void {
    this.codes.push((error as NodeJS.ErrnoException).code);
    this.#note("error");
  }

  connectionLost(error: Error | undefined): void {
    this.lost = { error };
    this.#note("lost");
  }

  pauseWriting(): void {
    assert.notEqual(
      this.log.findLast((event) => event === "pause" || event === "resume"),
      "pause",
    );
    this.#note("pause");
  }

  resumeWriting(): void {
    assert.equal(
      this.log.findLast((event) => event === "pause" || event === "resume"),
      "pause",
    );
    this.#note("resume");
  }

  /** Settles once `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  receives(count: number): Promise<void> {
    return this.until(() => this.received.length >= count);
  }

  /** Closes and waits for the end. */
  async close(): Promise<void> {
    this.transport.close();
    await this.until(() => this.lost !== undefined);
    assert.equal(this.lost?.error, undefined);
  }

  #note(event: string): void {
    assert.notEqual(this.log.at(-1), "lost", `${event} after the end`);
    this.log.push(event);
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

async function open(network: Network, options: DatagramOptions = {}): Promise<Mailbox> {
  const mailbox = new Mailbox();
  const transport = await network.openDatagrams(options, mailbox);
  assert.deepEqual(mailbox.log, ["made"]);
  assert.equal(mailbox.transport, transport);
  return mailbox;
}

/** One that receives at the loopback address. */
function openHere(network: Network, options: DatagramOptions = {}): Promise<Mailbox> {
  return open(network, { local: { host: HERE, port: 0 }, ...options });
}

function addressOf(mailbox: Mailbox): SocketAddress {
  return mailbox.transport.localAddress;
}

/** A port at which nobody is. */
async function nobody(network: Network): Promise<SocketAddress> {
  const gone = await openHere(network);
  await gone.close();
  return addressOf(gone);
}

export function datagramContract(name: string, within: Within): void {
  const contract = rowsOf(`${name}, datagrams`, within);

  contract("boundaries are kept, an empty datagram is a datagram, and the sender is told", async (network) => {
    const to = await openHere(network);
    const from = await openHere(network);
    for (const text of ["one", "", "three"]) from.transport.sendTo(bytes(text), addressOf(to));
    await to.receives(3);
    assert.deepEqual(to.received, ["one", "", "three"]);
    for (const sender of to.senders) assert.deepEqual(sender, addressOf(from));
    to.transport.sendTo(bytes("answer"), to.senders[0]);
    await from.receives(1);
    assert.deepEqual(from.received, ["answer"]);
    await Promise.all([to.close(), from.close()]);
  });

  contract("its address is told, also after the end; one without a peer has none", async (network) => {
    const one = await openHere(network);
    const { host, port } = addressOf(one);
    assert.equal(host, HERE);
    assert.ok(port > 0);
    assert.equal(one.transport.remoteAddress, undefined);
    const two = await open(network, { remote: { host, port } });
    assert.deepEqual(two.transport.remoteAddress, { host, port });
    assert.equal(addressOf(two).host, HERE);
    const anywhere = await open(network);
    assert.equal(addressOf(anywhere).host, "0.0.0.0");
    await Promise.all([one.close(), two.close(), anywhere.close()]);
    assert.deepEqual(addressOf(one), { host, port });
    assert.deepEqual(two.transport.remoteAddress, { host, port });
  });

  contract("one with a peer sends to it, and hears nobody else", async (network) => {
    const server = await openHere(network);
    const client = await open(network, { remote: addressOf(server) });
    const stranger = await openHere(network);
    client.transport.sendTo(bytes("to the peer"));
    await server.receives(1);
    const [back] = server.senders;
    assert.deepEqual(back, addressOf(client));
    stranger.transport.sendTo(bytes("from a stranger"), back);
    server.transport.sendTo(bytes("from the peer"), back);
    await client.receives(1);
    assert.deepEqual(client.received, ["from the peer"]);
    await Promise.all([server.close(), client.close(), stranger.close()]);
  });

  contract("a name may stand for an address, of the endpoint and of a datagram", async (network) => {
    const one = await open(network, { local: { host: "localhost", port: 0 }, family: 4 });
    assert.equal(addressOf(one).host, HERE);
    const { port } = addressOf(one);
    const two = await open(network, { remote: { host: "localhost", port }, family: 4 });
    assert.deepEqual(two.transport.remoteAddress, { host: HERE, port });
    const three = await openHere(network);
    two.transport.sendTo(bytes("by its peer"));
    await one.receives(1);
    three.transport.sendTo(bytes("by name"), { host: "localhost", port });
    await one.receives(2);
    assert.deepEqual(one.received, ["by its peer", "by name"]);
    await Promise.all([one.close(), two.close(), three.close()]);
  });

  contract(
    "IPv6 has its own endpoints",
    async (network) => {
      const one = await open(network, { local: { host: "::1", port: 0 } });
      const two = await open(network, { remote: addressOf(one) });
      const any = await open(network, { family: 6 });
      assert.equal(addressOf(any).host, "::");
      two.transport.sendTo(bytes("six"));
      any.transport.sendTo(bytes("any"), addressOf(one));
      await one.receives(2);
      assert.deepEqual(one.received.toSorted(), ["any", "six"]);
      for (const { host } of one.senders) assert.equal(host, "::1");
      await Promise.all([one.close(), two.close(), any.close()]);
    },
    noIpv6,
  );

  contract("a datagram that nobody wanted is told to one with a peer, which goes on", async (network) => {
    const peer = await nobody(network);
    const client = await open(network, { remote: peer });
    client.transport.sendTo(bytes("anybody there?"));
    await client.until(() => client.codes.length > 0);
    assert.deepEqual(client.codes, ["ECONNREFUSED"]);
    const late = await open(network, { local: peer });
    client.transport.sendTo(bytes("now?"));
    await late.receives(1);
    await Promise.all([client.close(), late.close()]);
  });

  contract("one without a peer may send to nobody", async (network) => {
    const to = await nobody(network);
    const one = await openHere(network);
    one.transport.sendTo(bytes("anybody there?"), to);
    one.transport.sendTo(bytes("to myself"), addressOf(one));
    await one.receives(1);
    assert.deepEqual([one.received, one.codes], [["to myself"], []]);
    await one.close();
  });

  contract("a datagram too large is an error, and the next one is sent", async (network) => {
    const to = await openHere(network);
    const from = await open(network, { remote: addressOf(to) });
    from.transport.sendTo(new Uint8Array(65_508));
    await from.until(() => from.codes.length > 0);
    assert.deepEqual(from.codes, ["EMSGSIZE"]);
    from.transport.sendTo(new Uint8Array(65_507));
    await to.receives(1);
    assert.deepEqual(to.received, ["65507 bytes"]);
    await Promise.all([to.close(), from.close()]);
  });

  contract("a datagram to nobody in particular needs a peer", async (network) => {
    const one = await openHere(network);
    one.transport.sendTo(bytes("to whom?"));
    await one.until(() => one.codes.length > 0);
    assert.deepEqual(one.codes, ["EDESTADDRREQ"]);
    await one.close();
  });

  contract("a port in use is refused, and free after the close", async (network) => {
    const first = await openHere(network);
    const local = addressOf(first);
    await assert.rejects(open(network, { local }), { code: "EADDRINUSE" });
    await first.close();
    await (await open(network, { local })).close();
  });

  contract("an address is shared by those who all want that", async (network) => {
    for (const sharing of [{ reuseAddress: true }, { reusePort: true }]) {
      const first = await openHere(network, sharing);
      const local = addressOf(first);
      await assert.rejects(open(network, { local }), { code: "EADDRINUSE" });
      const second = await open(network, { local, ...sharing });
      const client = await openHere(network);
      client.transport.sendTo(bytes("to one of them"), local);
      await Promise.race([first.receives(1), second.receives(1)]);
      assert.equal(first.received.length + second.received.length, 1);
      await Promise.all([first.close(), second.close(), client.close()]);
    }
  });

  contract("every member of a multicast group gets what is sent there, until they leave", async (network) => {
    const first = await open(network, { local: { host: "0.0.0.0", port: 0 }, reuseAddress: true });
    const { port } = addressOf(first);
    const second = await open(network, { local: { host: "0.0.0.0", port }, reuseAddress: true });
    const sender = await openHere(network);
    first.transport.joinGroup(GROUP, HERE);
    second.transport.joinGroup(GROUP, HERE);
    sender.transport.setMulticast({ ttl: 1, loopback: true, interfaceAddress: HERE });
    sender.transport.sendTo(bytes("to both"), { host: GROUP, port });
    await Promise.all([first.receives(1), second.receives(1)]);
    for (const member of [first, second]) member.transport.leaveGroup(GROUP, HERE);
    sender.transport.sendTo(bytes("to nobody"), { host: GROUP, port });
    sender.transport.sendTo(bytes("the mark"), { host: HERE, port });
    const all = (): string[] => [...first.received, ...second.received].toSorted();
    await Promise.race([first.until(() => all().length > 2), second.until(() => all().length > 2)]);
    assert.deepEqual(all(), ["the mark", "to both", "to both"]);
    await Promise.all([first.close(), second.close(), sender.close()]);
  });

  contract("what the system refuses of multicast is thrown", async (network) => {
    const one = await open(network, { local: { host: "0.0.0.0", port: 0 } });
    assert.throws(() => one.transport.joinGroup(HERE), { code: "EINVAL" });
    assert.throws(() => one.transport.leaveGroup(GROUP, HERE), { code: "EADDRNOTAVAIL" });
    one.transport.joinGroup(GROUP, HERE);
    assert.throws(() => one.transport.joinGroup(GROUP, HERE), { code: "EADDRINUSE" });
    await one.close();
  });

  contract("broadcast must be asked for", async (network) => {
    const to = await open(network, { local: { host: "0.0.0.0", port: 0 } });
    const everybody = { host: "127.255.255.255", port: addressOf(to).port };
    const without = await openHere(network);
    without.transport.sendTo(bytes("refused"), everybody);
    await without.until(() => without.codes.length > 0);
    assert.deepEqual(without.codes, ["EACCES"]);
    const caller = await openHere(network, { broadcast: true });
    caller.transport.sendTo(bytes("hear, hear"), everybody);
    await to.receives(1);
    assert.deepEqual(to.received, ["hear, hear"]);
    await Promise.all([to.close(), without.close(), caller.close()]);
  });

  contract("one that is paused is given nothing, and what was kept for it afterwards, in order", async (network) => {
    const to = await openHere(network);
    const from = await openHere(network);
    to.transport.pauseReading();
    to.transport.pauseReading();
    for (const text of ["one", "", "two"]) from.transport.sendTo(bytes(text), addressOf(to));
    // What goes the other way afterwards does arrive.
    to.transport.sendTo(bytes("meanwhile"), addressOf(from));
    await from.receives(1);
    assert.deepEqual(to.log, ["made"]);
    to.transport.resumeReading();
    from.transport.sendTo(bytes("three"), addressOf(to));
    await to.receives(4);
    assert.deepEqual(to.received, ["one", "", "two", "three"]);
    await Promise.all([to.close(), from.close()]);
  });

  contract("one that pauses while it is given something gets no more", async (network) => {
    class Sip extends Mailbox {
      override datagramReceived(data: Uint8Array, from: SocketAddress): void {
        this.transport.pauseReading();
        super.datagramReceived(data, from);
      }
    }
    const to = new Sip();
    await network.openDatagrams({ local: { host: HERE, port: 0 } }, to);
    const from = await openHere(network);
    for (const text of ["one", "two", "three"]) from.transport.sendTo(bytes(text), addressOf(to));
    for (let count = 1; count <= 3; count++) {
      await to.receives(count);
      from.transport.sendTo(bytes("echo"), addressOf(from));
      await from.receives(count);
      assert.equal(to.received.length, count);
      to.transport.resumeReading();
    }
    assert.deepEqual(to.received, ["one", "two", "three"]);
    await Promise.all([to.close(), from.close()]);
  });

  contract(
    "more than the high mark that is not sent pauses the writer; when all is sent it resumes",
    async (network) => {
      const to = await openHere(network);
      const from = await open(network, { remote: addressOf(to) });
      for (let count = 0; count < 20; count++) {
        from.transport.sendTo(new Uint8Array(16 * 1024));
        assert.equal(from.log.at(-1) === "pause", from.transport.bufferedBytes > HIGH_WATER_BYTES);
      }
      await from.until(() => from.log.at(-1) !== "pause");
      assert.equal(from.transport.bufferedBytes, 0);
      await to.receives(1);
      await Promise.all([to.close(), from.close()]);
    },
  );

  contract("close sends what was handed over, and is the end, told once", async (network) => {
    const to = await openHere(network);
    const from = await openHere(network);
    for (const text of ["last", "words"]) from.transport.sendTo(bytes(text), addressOf(to));
    from.transport.close();
    from.transport.close();
    from.transport.sendTo(bytes("ignored"), addressOf(to));
    await from.until(() => from.lost !== undefined);
    from.transport.abort();
    from.transport.sendTo(bytes("ignored"), addressOf(to));
    await to.receives(2);
    assert.deepEqual(to.received, ["last", "words"]);
    assert.deepEqual(from.log, ["made", "lost"]);
    await to.close();
  });

  contract("abort is the end, told once; one that was closed or aborted receives nothing", async (network) => {
    const to = await openHere(network);
    const from = await openHere(network);
    for (const side of [to, from]) side.transport.sendTo(bytes("too late"), addressOf(to));
    to.transport.abort();
    to.transport.abort();
    await to.until(() => to.lost !== undefined);
    assert.deepEqual(to.log, ["made", "lost"]);
    assert.equal(to.lost?.error, undefined);
    await from.close();
  });

  contract("an address that this machine does not have, or a name that nobody has, is refused", async (network) => {
    await assert.rejects(open(network, { local: { host: "name.invalid", port: 0 } }), { code: /ENOTFOUND|EAI_AGAIN/ });
    await assert.rejects(open(network, { remote: { host: "name.invalid", port: 9 } }), { code: /ENOTFOUND|EAI_AGAIN/ });
  });
}
