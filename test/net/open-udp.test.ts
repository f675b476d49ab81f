/** What `openUdp` asks of the network, and how its refusals are told. */
import assert from "node:assert/strict";
import test from "node:test";
import { ConnectError, cancelScope, ListenError, sleep } from "coppice";
import { openUdp, type UdpOptions } from "coppice/net";
import type { DatagramOptions, DatagramProtocol, DatagramTransport } from "../../src/kernel/datagrams.ts";
import { NotingDatagrams } from "../support/noting-datagrams.ts";
import { RacingNetwork } from "../support/racing-network.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

class UdpNetwork extends RacingNetwork {
  readonly asked: DatagramOptions[] = [];
  error: (Error & { code: string; syscall: string }) | undefined;

  openDatagrams(options: DatagramOptions, protocol: DatagramProtocol): Promise<DatagramTransport> {
    this.asked.push(options);
    if (this.error !== undefined) return Promise.reject(this.error);
    const transport = new NotingDatagrams(options.local?.host ?? "0.0.0.0", options.remote);
    protocol.connectionMade(transport);
    return Promise.resolve(transport);
  }
}

function withNetwork(body: (network: UdpNetwork) => Promise<void>): Promise<void> {
  return virtually(() => {
    const network = new UdpNetwork();
    network.install();
    network.names["dual.test"] = ["2001:db8::1", "192.0.2.1"];
    network.names["six.test"] = ["2001:db8::1"];
    return body(network);
  });
}

const cases: readonly [what: string, options: UdpOptions, asked: DatagramOptions][] = [
  ["nothing: any address, a port of the system's choice", {}, { family: 4 }],
  ["a port: this machine only", { port: 53 }, { family: 4, local: { host: "127.0.0.1", port: 53 } }],
  ["a port and IPv6: this machine only", { port: 53, family: 6 }, { family: 6, local: { host: "::1", port: 53 } }],
  ["a host: there, a port of the system's choice", { host: "::1" }, { family: 6, local: { host: "::1", port: 0 } }],
  [
    "a peer: no address of its own",
    { remote: { host: "192.0.2.1", port: 7 } },
    { family: 4, remote: { host: "192.0.2.1", port: 7 } },
  ],
  [
    "a peer and a port: any address, as the peer is the only one who is heard",
    { remote: { host: "::1", port: 7 }, port: 53 },
    { family: 6, local: { host: "::", port: 53 }, remote: { host: "::1", port: 7 } },
  ],
  [
    "a name with both families: IPv4",
    { remote: { host: "dual.test", port: 7 } },
    { family: 4, remote: { host: "192.0.2.1", port: 7 } },
  ],
  [
    "a name with both families, and a family",
    { remote: { host: "dual.test", port: 7 }, family: 6 },
    { family: 6, remote: { host: "2001:db8::1", port: 7 } },
  ],
  [
    "a name with both families, and a host: that one's family",
    { remote: { host: "dual.test", port: 7 }, host: "::" },
    { family: 6, local: { host: "::", port: 0 }, remote: { host: "2001:db8::1", port: 7 } },
  ],
  [
    "a name with one family",
    { remote: { host: "six.test", port: 7 }, port: 0 },
    { family: 6, local: { host: "::", port: 0 }, remote: { host: "2001:db8::1", port: 7 } },
  ],
  ["a name as host", { host: "six.test", port: 5 }, { family: 6, local: { host: "2001:db8::1", port: 5 } }],
  [
    "the system's options",
    { reuseAddress: true, reusePort: true, broadcast: true },
    { family: 4, reuseAddress: true, reusePort: true, broadcast: true },
  ],
];

for (const [what, options, asked] of cases) {
  test(`told ${what}`, () =>
    withNetwork(async (network) => {
      await openUdp(options);
      assert.deepEqual(network.asked, [asked]);
    }));
}

test("an address that cannot be had is a ListenError", () =>
  withNetwork(async (network) => {
    network.error = Object.assign(new Error("bind"), { code: "EADDRINUSE", syscall: "bind" });
    const error = await rejection(openUdp({ port: 53, remote: { host: "192.0.2.1", port: 7 } }));
    assert.ok(error instanceof ListenError);
    assert.equal(error.systemCode, "EADDRINUSE");
    assert.match(error.message, /^openUdp at 0\.0\.0\.0:53: the port is in use \(EADDRINUSE\)/);
  }));

test("a peer that there is no way to is a ConnectError", () =>
  withNetwork(async (network) => {
    network.error = Object.assign(new Error("connect"), { code: "ENETUNREACH", syscall: "connect" });
    const error = await rejection(openUdp({ remote: { host: "192.0.2.1", port: 7 } }));
    assert.ok(error instanceof ConnectError);
    assert.equal(error.message, "openUdp to 192.0.2.1:7: there is no way to that network (ENETUNREACH)");
  }));

test("a name that is not known is a ConnectError as peer and a ListenError as host", () =>
  withNetwork(async (network) => {
    const asPeer = await rejection(openUdp({ remote: { host: "no.test", port: 7 } }));
    assert.ok(asPeer instanceof ConnectError);
    assert.equal(asPeer.message, "openUdp to no.test: the host name is not known (ENOTFOUND)");
    const asHost = await rejection(openUdp({ host: "no.test" }));
    assert.ok(asHost instanceof ListenError);
    assert.equal(asHost.message, "openUdp at no.test: the host name is not known (ENOTFOUND)");
    const noFour = await rejection(openUdp({ remote: { host: "six.test", port: 7 }, family: 4 }));
    assert.equal((noFour as Error).message, "openUdp to six.test: the host name has no IPv4 address");
    assert.deepEqual(network.asked, []);
  }));

test("cancelled during the lookup, nothing is opened", () =>
  withNetwork(async (network) => {
    network.lookupMs = 100;
    await cancelScope(async (scope) => {
      const opening = assertCancelledBy(scope, openUdp({ remote: { host: "dual.test", port: 7 } }));
      await sleep(50);
      scope.cancel();
      await opening;
    });
    await sleep(100);
    assert.deepEqual(network.asked, []);
  }));

test("options out of range are RangeErrors", () =>
  withNetwork(async (network) => {
    const bad: UdpOptions[] = [
      { port: -1 },
      { remote: { host: "192.0.2.1", port: 65_536 } },
      { maxBufferedBytes: 0 },
      { maxBufferedBytes: Number.NaN },
    ];
    for (const options of bad) assert.ok((await rejection(openUdp(options))) instanceof RangeError);
    assert.deepEqual(network.asked, []);
  }));
