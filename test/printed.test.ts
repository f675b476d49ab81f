/** What the console and failed assertions show of public objects: names that their users know, and what they tell of themselves. */
import assert from "node:assert/strict";
import test from "node:test";
import { inspect } from "node:util";
import {
  Barrier,
  broadcast,
  CapacityLimiter,
  Condition,
  channel,
  coroutine,
  Event,
  Future,
  Latch,
  LifoQueue,
  Lock,
  openFeed,
  PriorityQueue,
  Queue,
  RwLock,
  Semaphore,
  taskGroup,
  watch,
} from "coppice";
import { BufferedReader, listen, memoryPair, openTcp, openUdp, tlsClient } from "coppice/net";
import { virtually } from "./support/virtual.ts";

const [sender, receiver] = channel<number>(3);
sender.trySend(1);
const [news, source] = broadcast<string>(2);
const [level, levels] = watch("info");
const set = new Event();
set.set();
const jobs = new Queue<string>(5);
jobs.tryPut("work");

const printed: readonly (readonly [printed: object, text: string])[] = [
  [new Lock(), "Lock { isLocked: false, owner: undefined, waiting: 0 }"],
  [new Semaphore(2), "Semaphore { available: 2, max: 2, waiting: 0 }"],
  [new CapacityLimiter(2), "CapacityLimiter { total: 2, borrowed: 0, available: 2, waiting: 0 }"],
  [new Condition(), "Condition { waiting: 0 }"],
  [new Barrier(3), "Barrier { parties: 3, waiting: 0 }"],
  [new Event(), "Event { isSet: false }"],
  [set, "Event { isSet: true }"],
  [new Latch(3), "Latch { count: 3 }"],
  [jobs, "Queue { size: 1, maxSize: 5, unfinished: 1, isShutDown: false }"],
  [new LifoQueue(), "LifoQueue { size: 0, maxSize: Infinity, unfinished: 0, isShutDown: false }"],
  [
    new PriorityQueue<number>({ priority: Number }),
    "PriorityQueue { size: 0, maxSize: Infinity, unfinished: 0, isShutDown: false }",
  ],
  [new Future({ name: "answer" }), '<future "answer": pending>'],
  [coroutine(function* total() {})(), "Coroutine { name: 'total' }"],
  [openFeed(() => {}, { capacity: 1 }), "Feed { dropped: 0 }"],
  [news, "BroadcastSender {}"],
  [source.subscribe(), "Subscription {}"],
  [level, "WatchSender { value: 'info' }"],
  [levels, "WatchReceiver { value: 'info', hasChanged: false }"],
];

for (const [object, text] of printed) {
  test(`prints as ${text}`, () => {
    assert.equal(inspect(object, { breakLength: Infinity }), text);
  });
}

test("both halves of a channel print as their statistics", () => {
  const statistics = inspect(sender.statistics());
  assert.equal(inspect(sender), `Sender ${statistics}`);
  assert.equal(inspect(receiver), `Receiver ${statistics}`);
});

test("a lock that is held prints its holder; its guard prints what it guards, and nothing of the insides", () =>
  virtually(() =>
    taskGroup((group) => {
      group.spawn(
        async () => {
          const lock = new Lock({ name: "books" });
          using guard = await lock.acquire();
          assert.equal(inspect(lock), "Lock { isLocked: true, owner: 'reader', waiting: 0 }");
          assert.equal(inspect(guard), `Guard { of: 'lock "books"' }`);
        },
        { name: "reader" },
      );
    }),
  ));

test("a read-write lock prints its statistics", () => {
  const lock = new RwLock();
  assert.equal(inspect(lock), `RwLock ${inspect(lock.statistics())}`);
});

test("deep inside of something else, only the name is printed", () => {
  assert.equal(inspect({ a: { b: { c: new Latch(1) } } }, { depth: 2 }), "{ a: { b: { c: [Latch] } } }");
});

test("a subclass prints its own name", () => {
  class Start extends Latch {}
  assert.equal(inspect(new Start(2)), "Start { count: 2 }");
});

test("streams, listeners and datagram sockets print where they are and how they are", () =>
  virtually(async () => {
    const show = (object: object): string => inspect(object, { breakLength: Infinity });
    const listener = await listen({ port: 80 });
    const client = await openTcp({ port: 80 });
    const from = `127.0.0.1:${client.localAddress.port}`;
    assert.equal(show(listener), "Listener { addresses: [ '127.0.0.1:80' ], waiting: 1, isClosed: false }");
    assert.equal(show(client), `ByteStream { state: 'open', from: '${from}', to: '127.0.0.1:80' }`);
    await listener.close();
    assert.match(show(listener), /isClosed: true/);
    client.abort();
    assert.match(show(client), /state: 'closed'/);

    const [near, far] = memoryPair();
    assert.equal(show(near), "ByteStream { state: 'open' }");
    assert.equal(show(new BufferedReader(near)), "BufferedReader { bufferedBytes: 0, state: 'open' }");
    const secure = tlsClient(near, { serverName: "localhost" });
    assert.equal(show(secure), "TlsStream { state: 'not secured', transportStream: ByteStream { state: 'open' } }");
    far.abort();
    secure.abort();

    const socket = await openUdp({ port: 53 });
    assert.equal(show(socket), "DatagramSocket { at: '127.0.0.1:53', droppedCount: 0, isClosed: false }");
    const connected = await openUdp({ remote: socket.localAddress });
    assert.match(show(connected), /^DatagramSocket \{ at: '127.0.0.1:\d+', to: '127.0.0.1:53', /);
    await socket.close();
    await connected.close();
  }));
