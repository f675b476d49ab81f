/** What debug mode has something to say about, one scenario for each argument. */
import { isMainThread, Worker } from "node:worker_threads";
import { run, sleep } from "coppice";
import { currentEventLoop, EventLoop, StreamProtocol, VirtualLoop } from "coppice/loop";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function crunch(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

class Slow extends StreamProtocol {
  override dataReceived(): void {
    crunch(120);
  }
}

async function connected(loop: EventLoop, protocol: StreamProtocol): Promise<void> {
  const server = await loop.createServer(() => protocol, { port: 0 });
  const { port } = server.addresses[0] as { port: number };
  const [transport] = await loop.createConnection(() => new StreamProtocol(), { port });
  transport.write(Buffer.from("bytes"));
  await sleep(50);
  transport.close();
  server.close();
  await server.waitClosed();
}

const scenarios: Record<string, () => Promise<void>> = {
  async task() {
    await run(
      async () => {
        await sleep(1);
        crunch(300);
        say(`debug: ${currentEventLoop().isDebug}`);
      },
      { name: "cruncher" },
    );
  },

  async worker() {
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url), { argv: ["worker"] });
      await new Promise((resolve) => worker.on("exit", resolve));
    } else await run(() => crunch(300), { name: "in the worker" });
  },

  async callback() {
    await using loop = new EventLoop();
    loop.setDebug(true);
    loop.slowCallbackDurationMs = 30;
    function scheduling(): void {
      loop.callSoon(function chew() {
        crunch(120);
      });
    }
    scheduling();
    await loop.runUntilComplete(() => connected(loop, new Slow()));
  },

  async quiet() {
    await using loop = new EventLoop();
    loop.setDebug(true);
    loop.slowCallbackDurationMs = 10_000;
    await loop.runUntilComplete(() => crunch(150));
    say(`debug: ${loop.isDebug}`);
    loop.setDebug(false);
    loop.slowCallbackDurationMs = 1;
    await loop.runUntilComplete(() => crunch(150));
    say(`debug: ${loop.isDebug}`);
  },

  async shared() {
    const first = new EventLoop();
    const second = new EventLoop(first.loop);
    first.setDebug(true);
    second.setDebug(true);
    await second.close();
    await first.runUntilComplete(() => crunch(150));
    first.setDebug(false);
    say(`debug: ${first.isDebug}`);
    await first.close();
  },

  async unseen() {
    await using loop = new EventLoop();
    loop.setDebug(true);
    await loop.runUntilComplete(async () => {
      function spawner(): void {
        loop.createTask(() => Promise.reject(new Error("unseen")), { name: "failing" });
      }
      function future(): void {
        loop.createFuture().setError(new Error("unseen"));
      }
      function scheduler(): void {
        loop.callSoon(function explode() {
          throw new Error("thrown");
        });
      }
      spawner();
      future();
      scheduler();
      await sleep(5);
      await new Promise<void>((resolve) => loop.callSoon(resolve));
    });
  },

  async "never-awaited"() {
    await using loop = new EventLoop();
    loop.setDebug(true);
    await loop.runUntilComplete(async () => {
      function forgetful(): void {
        loop.createTask(async () => {}, { name: "forgotten" });
      }
      forgetful();
      await loop.createTask(() => sleep(1), { name: "awaited" });
      const asked = loop.createTask(() => 1, { name: "asked" });
      await sleep(1);
      asked.result();
      await new Promise<void>((resolve) => loop.callSoon(resolve));
    });
  },

  async "wrong-loop"() {
    await using loop = new EventLoop();
    loop.setDebug(true);
    const future = loop.createFuture<void>();
    const server = await loop.createServer(() => new StreamProtocol(), { port: 0 });
    const { port } = server.addresses[0] as { port: number };
    const [transport] = await loop.createConnection(() => new StreamProtocol(), { port });
    await run(
      async () => {
        loop.callSoon(() => {});
        loop.callSoon(() => {});
        transport.write(Buffer.from("from elsewhere"));
        future.setResult();
        await sleep(1);
      },
      { loop: new VirtualLoop() },
    );
    await future;
  },
};

await scenarios[process.argv[2] ?? ""]?.();
