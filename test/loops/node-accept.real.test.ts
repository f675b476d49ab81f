/** Accepting on Node's loop: descriptors that run out, and connections of a process that listens in the ordinary ways of Node, too. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import test from "node:test";
import { Program } from "../support/program.ts";
import { eventually } from "../support/real.ts";

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
