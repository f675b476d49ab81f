/** Rule 14 for the network: every error shows who connected, listened, sent, received, behind a few frames of the library. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, taskGroup } from "coppice";
import { listen, listenUnix, openTcp, openUdp, openUnix } from "coppice/net";
import { type VirtualLoop, waitAllTasksBlocked } from "coppice/testing";
import { datagramSocket } from "../support/noting-datagrams.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

const PATH = "/run/service.sock";
const peer = { host: "192.0.2.1", port: 7 };

function refused(): Error {
  return Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
}

/** What fails, where `db.test` has two addresses, nobody listens, and the path is a plain file's. */
const failures: readonly [name: string, begin: () => Promise<unknown>, cause?: () => void][] = [
  ["openTcp", () => openTcp({ port: 1 })],
  ["openTcp by a name", () => openTcp({ host: "db.test", port: 1 })],
  ["openTcp by a name that nobody has", () => openTcp({ host: "no.invalid", port: 1 })],
  ["openUnix", () => openUnix({ path: PATH })],
  ["listen where it is in use", () => listen({ port: 80 })],
  ["listen by a name where it is in use", () => listen({ host: "localhost", port: 80 })],
  ["listen by a name that nobody has", () => listen({ host: "no.invalid", port: 0 })],
  ["listenUnix", () => listenUnix({ path: PATH })],
  ["listenUnix, replacing", () => listenUnix({ path: PATH, staleSocket: "replace" })],
  ["openUdp where it is in use", () => openUdp({ port: 80 })],
  ["openUdp by a name that nobody has", () => openUdp({ remote: { host: "no.invalid", port: 1 } })],
  [
    "datagram socket.receive, told of an error",
    () => {
      const { socket } = datagramSocket({ remote: peer });
      const receiving = socket.receive();
      queueMicrotask(() => socket.errorReceived(refused()));
      return receiving;
    },
  ],
  [
    "datagram socket.receive, closed",
    () => {
      const { socket } = datagramSocket();
      const receiving = socket.receive();
      queueMicrotask(() => socket.abort());
      return receiving;
    },
  ],
  [
    "datagram socket.send, lost",
    () => {
      const { socket } = datagramSocket({ remote: peer });
      socket.pauseWriting();
      const sending = socket.send(new Uint8Array(1));
      queueMicrotask(() => socket.connectionLost(refused()));
      return sending;
    },
  ],
];

for (const [name, begin] of failures) {
  test(`${name}: the error shows who waited`, () =>
    virtually(async () => {
      const { network } = currentLoop() as VirtualLoop;
      network.hosts.set("db.test", ["2001:db8::1", "192.0.2.1"]);
      network.files.set(PATH, "file");
      const taken = [await listen({ port: 80 }), await openUdp({ port: 80 })];
      async function innerUser(): Promise<void> {
        await begin();
      }
      async function outerUser(): Promise<void> {
        await innerUser();
      }
      await taskGroup(async (group) => {
        const failing = group.spawn(() => rejection(outerUser()));
        await waitAllTasksBlocked();
        const error = await failing;
        assert.ok(error instanceof Error);
        const lines = String(error.stack).slice(error.message.length).split("\n    at ").slice(1);
        const own = lines.findIndex((line) => line.startsWith("async innerUser "));
        assert.ok(own >= 0 && own <= 6, String(error.stack));
        assert.match(lines[own + 1] ?? "", /^async outerUser /);
      });
      for (const one of taken) await one.close();
    }));
}
