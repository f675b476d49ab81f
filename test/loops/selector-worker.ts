/** A worker that serves and connects on a selector loop, and is terminated with a connection open. Run as a program. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { run, sleep } from "coppice";
import { listen, openTcp } from "coppice/net";
import { SelectorLoop } from "../../src/loops/selector/loop.ts";

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.on("message", (text: string) => {
    process.stdout.write(`${text}\n`);
    if (text === "open") void worker.terminate();
  });
  worker.on("exit", () => process.stdout.write("ended\n"));
} else {
  await run(
    async () => {
      const listener = await listen({ port: 0 });
      const client = await openTcp(listener.address);
      const server = await listener.accept();
      for (let count = 0; count < 100; count++) {
        await client.send(new Uint8Array(10));
        await server.receive();
        if (count % 10 === 0) await sleep(1);
      }
      parentPort?.postMessage("open");
      await client.receive();
    },
    { loop: new SelectorLoop() },
  );
}
