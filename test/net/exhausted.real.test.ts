/** Descriptors that run out (`ulimit -n`): others are not disturbed, and everything works again when there are some. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, currentLoop, TimeoutError, withTimeout } from "coppice";
import { openTcp, type SocketStream } from "coppice/net";
import { Program } from "../support/program.ts";
import { really } from "../support/real.ts";

const PATIENCE_MS = 20_000;

/** Runs `source` in a process that may have 60 descriptors. */
function withFewDescriptors(source: string): Program {
  const line = 'ulimit -n 60; exec "$0" --conditions=coppice-source --input-type=module --eval "$1"';
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  return new Program("/bin/sh", ["-c", line, process.execPath, source], { env });
}

const SERVER = `
import { run } from "coppice";
import { listen, serve } from "coppice/net";

await run(async () => {
  const listener = await listen({ port: 0 });
  console.log("listening on " + listener.address.port);
  await serve(listener, async (stream) => {
    for await (const chunk of stream) await stream.send(chunk);
  });
});
`;

const CLIENT = `
import { openSync } from "node:fs";
import { run } from "coppice";
import { listen, listenUnix, openTcp, openUdp, openUnix } from "coppice/net";

await run(async () => {
  const descriptors = [];
  const exhausted = () => {
    try {
      for (;;) descriptors.push(openSync("/dev/null"));
    } catch {}
  };
  const calls = {
    openTcp: () => openTcp({ port: 1 }),
    openUnix: () => openUnix({ path: "/tmp/no-such-socket" }),
    listen: () => listen({ port: 0 }),
    listenUnix: () => listenUnix({ path: "/tmp/coppice-exhausted-" + process.pid }),
    openUdp: () => openUdp({ port: 0 }),
  };
  exhausted();
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call();
      console.log(name + " opened");
    } catch (error) {
      console.log(name + " " + error.name + " " + (error.systemCode ?? error));
    }
  }
});
`;

/** Whether `stream` is served: what it sends comes back. False if it was cut off. */
async function isServed(stream: SocketStream): Promise<boolean> {
  try {
    await stream.send(Buffer.from("ping"));
    return (await withTimeout(PATIENCE_MS, () => stream.receive())) !== undefined;
  } catch (error) {
    if (error instanceof BrokenError) return false;
    throw error;
  }
}

test("a server without descriptors drops what it cannot take, serves those that it has, and serves again", () =>
  really(async () => {
    await using server = withFewDescriptors(SERVER);
    const port = Number((await server.prints(/listening on (\d+)/))[1]);
    const first = await openTcp({ port });
    assert.ok(await isServed(first));
    const streams: SocketStream[] = [];
    for (let index = 0; index < 100; index++) streams.push(await openTcp({ port }));
    const outcomes = await Promise.all(streams.map(isServed));
    const served = outcomes.filter(Boolean).length;
    assert.ok(served > 0 && served < 60, `${served} of 100 were served`);
    assert.ok(await isServed(first));
    for (const stream of streams) await stream.close();
    const end = currentLoop().time() + PATIENCE_MS;
    for (let isBack = false; !isBack; ) {
      if (currentLoop().time() > end) throw new TimeoutError(`not served again: ${server.stderr}`);
      await using stream = await openTcp({ port });
      isBack = await isServed(stream);
    }
    assert.ok(await isServed(first));
    await first.close();
    assert.equal(server.child.exitCode, null);
    assert.equal(server.stderr.split("COPPICE_ACCEPT_FAILED").length, 2, `it is said once: ${server.stderr}`);
  }));

test("whoever opens something without descriptors gets the error of that call, with the system's code", () =>
  really(async () => {
    const { code, stdout, stderr } = await withFewDescriptors(CLIENT).ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n"), [
      "openTcp ConnectError EMFILE",
      "openUnix ConnectError EMFILE",
      "listen ListenError EMFILE",
      "listenUnix ListenError EMFILE",
      "openUdp ListenError EMFILE",
    ]);
  }));
