/** Accepting on Node's loop: descriptors that run out, peers that vanish, and a Node whose handles are others. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import test from "node:test";
import { currentLoop, run } from "coppice";
import "../../src/loops/sockets.ts";
import type { SocketAddress } from "../../src/kernel/addresses.ts";
import { acceptFrom, acceptingOptions } from "../../src/loops/node/accepting.ts";
import { Program } from "../support/program.ts";
import { eventually } from "../support/real.ts";
import { bytes, end, pair, Recorder } from "../support/recorder.ts";

const FEW = 50;

const SERVER = `
import { run, currentLoop, sleepForever } from "coppice";
import "coppice/net";

class Echo {
  connectionMade(transport) { this.transport = transport; }
  dataReceived(bytes) { this.transport.write(bytes); }
  eofReceived() { this.transport.close(); }
  connectionLost() {}
  pauseWriting() {}
  resumeWriting() {}
}

await run(async () => {
  const handler = {
    accepted: () => new Echo(),
    acceptFailed: (error) => console.log("failed " + error.code),
  };
  const listener = await currentLoop().network.listen({ address: { host: "127.0.0.1", port: 0 } }, handler);
  console.log("port " + listener.address.port);
  await sleepForever();
});
`;

/** Connects, and sends something; the connection is served if that comes back. */
async function isServed(socket: Socket): Promise<boolean> {
  socket.on("error", () => {});
  socket.write("ping");
  return await Promise.race([once(socket, "data").then(() => true), once(socket, "close").then(() => false)]).catch(
    () => false,
  );
}

test("without descriptors a listener drops what it cannot take, reports it seldom, and accepts again", async () => {
  const line = `ulimit -n ${FEW}; exec "$0" --conditions=coppice-source --input-type=module --eval "$1"`;
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  await using server = new Program("/bin/sh", ["-c", line, process.execPath, SERVER], { env });
  const port = Number((await server.prints(/port (\d+)/))[1]);
  const sockets = Array.from({ length: 2 * FEW }, () => connect(port, "127.0.0.1"));
  const outcomes = await Promise.all(sockets.map(isServed));
  const served = outcomes.filter(Boolean).length;
  assert.ok(served > 0 && served < FEW, `${served} were served`);
  await server.prints(/failed EMFILE/);
  assert.ok(await isServed(sockets[outcomes.indexOf(true)] as Socket), "one that stood was disturbed");
  for (const socket of sockets) socket.destroy();
  await eventually(
    async () => {
      const socket = connect(port, "127.0.0.1");
      const isBack = await isServed(socket);
      socket.destroy();
      return isBack;
    },
    () => `not served again: ${server.stdout}${server.stderr}`,
  );
  // It may have run out again; not in the same second.
  assert.ok(server.stdout.split("failed").length <= 4, server.stdout);
});

const CONNECTIONS = "/proc/net/tcp";
/** The timer of a connection that waits to ask its peer for a sign of life, as the table of connections writes it. */
const KEEP_ALIVE_TIMER = "02";

/** The timer that the system has running for a connection, and in how many seconds it goes off. */
function timerOf(local: SocketAddress, remote: SocketAddress): [string | undefined, number] {
  const ports = [local, remote].map(({ port }) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
  for (const line of readFileSync(CONNECTIONS, "utf8").split("\n")) {
    const [, from, to, , , timer] = line.trim().split(/\s+/);
    if (!from?.endsWith(ports[0] as string) || !to?.endsWith(ports[1] as string)) continue;
    const [kind, ticks = "0"] = timer?.split(":") ?? [];
    return [kind, Number.parseInt(ticks, 16) / 100];
  }
  return [undefined, 0];
}

test(
  "after a silence either side asks its peer for a sign of life, so that one which has vanished is noticed",
  { skip: !existsSync(CONNECTIONS) && "this system does not show its connections" },
  () =>
    run(async () => {
      const both = await pair(currentLoop().network);
      for (const { transport } of [both.client, both.server]) {
        const [kind, seconds] = timerOf(
          transport.localAddress as SocketAddress,
          transport.remoteAddress as SocketAddress,
        );
        assert.equal(kind, KEEP_ALIVE_TIMER);
        assert.ok(seconds > 0 && seconds <= 60, `in ${seconds} s`);
      }
      await end(both);
    }),
);

test("where Node's handles are not as expected, connections are served all the same", async () => {
  const server = createServer(acceptingOptions);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { address: host, port } = server.address() as { address: string; port: number };
  const withoutHandle = Object.create(server, { _handle: { value: undefined } }) as Server;
  const accepted = new Recorder();
  const handler = { accepted: () => accepted, acceptFailed: assert.fail };
  acceptFrom(withoutHandle, { host, port }, handler, () => {});
  const client = connect(port, host);
  client.end("request");
  await accepted.has("eof");
  assert.equal(accepted.text, "request");
  assert.deepEqual(accepted.transport.localAddress, { host, port });
  assert.equal((accepted.transport.remoteAddress as SocketAddress).port, client.localPort);
  accepted.transport.write(bytes("response"));
  accepted.transport.close();
  assert.equal(String((await client.toArray())[0]), "response");
  await accepted.has("lost");
  server.close();
  await once(server, "close");
});
