/** Whatever is given to the event loop that is not what it asks for: refused by name, and nothing is opened or scheduled. */
import assert from "node:assert/strict";
import test from "node:test";
import { run } from "coppice";
import {
  EndpointProtocol,
  type EndpointTransport,
  EventLoop,
  NodeLoop,
  StreamProtocol,
  type StreamTransport,
  SubprocessProtocol,
  VirtualLoop,
} from "coppice/loop";
import {
  assertRefused,
  type BadCall,
  NO_BYTES,
  NO_DURATION,
  NO_FUNCTION,
  NO_OBJECT,
  NO_PORT,
  NO_STRING,
} from "../support/faults-arguments.ts";
import { harmless } from "../support/faults-guard.ts";

const noOptions = [undefined, ...NO_OBJECT];
const protocol = (): StreamProtocol => new StreamProtocol();
const endpoint = (): EndpointProtocol => new EndpointProtocol();
const child = (): SubprocessProtocol => new SubprocessProtocol();
const noTime = [undefined, null, Number.NaN, "5", {}];
const noBytes = new Uint8Array(0);
const somewhere = { host: "127.0.0.1", port: 9 };

/** Calls `use` with a connection and an endpoint, which are closed then. */
async function onEnds(
  loop: EventLoop,
  use: (ends: readonly [StreamTransport, EndpointTransport]) => unknown,
): Promise<void> {
  await using server = await loop.createServer(protocol, { host: "127.0.0.1", port: 0 });
  const { port } = server.addresses[0] as { port: number };
  const [transport] = await loop.createConnection(protocol, { host: "127.0.0.1", port });
  const [datagrams] = await loop.createDatagramEndpoint(endpoint, {});
  try {
    use([transport, datagrams]);
  } finally {
    transport.close();
    datagrams.close();
  }
}

/** No loop, and no executor either. */
const noLoop = [null, 5, "text", {}];

type Call = (loop: EventLoop, value: never) => unknown;

/** `throws` says that it is no promise. */
const rows: readonly [name: string, values: readonly unknown[], call: Call, throws?: true][] = [
  ["new EventLoop", noLoop, (_, loop) => new EventLoop(loop), true],
  ["run: loop", noLoop, (_, loop) => run(() => {}, { loop })],
  ["callSoon", NO_FUNCTION, (loop, fn) => loop.callSoon(fn), true],
  ["callLater: callback", NO_FUNCTION, (loop, fn) => loop.callLater(1, fn), true],
  ["callLater: ms", [undefined, ...NO_DURATION], (loop, ms) => loop.callLater(ms, () => {}), true],
  ["callAt: callback", NO_FUNCTION, (loop, fn) => loop.callAt(1, fn), true],
  ["callAt: when", noTime, (loop, when) => loop.callAt(when, () => {}), true],
  ["createTask", NO_FUNCTION, (loop, fn) => loop.createTask(fn), true],
  ["runInExecutor", NO_FUNCTION, (loop, fn) => loop.runInExecutor(undefined, fn), true],
  ["runInExecutor: executor", noLoop, (loop, executor) => loop.runInExecutor(executor, () => {}), true],
  ["setDefaultExecutor", [undefined, ...noLoop], (loop, executor) => loop.setDefaultExecutor(executor), true],
  ["setExceptionHandler", NO_FUNCTION.slice(1), (loop, handler) => loop.setExceptionHandler(handler), true],
  ["callAt of a NodeLoop: when", noTime, (_, when) => new NodeLoop().callAt(when, () => {}), true],
  ["callAt of a NodeLoop: callback", NO_FUNCTION, (_, fn) => new NodeLoop().callAt(1, fn), true],
  ["callAt of a VirtualLoop: when", noTime, (_, when) => new VirtualLoop().callAt(when, () => {}), true],
  ["new VirtualLoop: seed", [null, Number.NaN, "5", {}], (_, seed) => new VirtualLoop({ seed }), true],
  ["slowCallbackDurationMs", NO_DURATION, (loop, ms) => Object.assign(loop, { slowCallbackDurationMs: ms }), true],
  ["addSignalHandler", ["SIGNONE", {}], (loop, signal) => loop.addSignalHandler(signal, () => {}), true],
  ["addSignalHandler: callback", NO_FUNCTION, (loop, fn) => loop.addSignalHandler("SIGHUP", fn), true],
  ["createServer: protocol", NO_FUNCTION, (loop, make) => loop.createServer(make, { port: 0 })],
  ["createServer", noOptions, (loop, options) => loop.createServer(protocol, options)],
  ["createServer: port", NO_PORT, (loop, port) => loop.createServer(protocol, { port })],
  ["createServer: host", NO_STRING, (loop, host) => loop.createServer(protocol, { host, port: 0 })],
  ["createUnixServer", noOptions, (loop, options) => loop.createUnixServer(protocol, options)],
  ["createUnixServer: path", [undefined, "", ...NO_STRING], (loop, path) => loop.createUnixServer(protocol, { path })],
  ["createConnection: protocol", NO_FUNCTION, (loop, make) => loop.createConnection(make, { port: 1 })],
  ["createConnection", noOptions, (loop, options) => loop.createConnection(protocol, options)],
  ["createConnection: port", NO_PORT, (loop, port) => loop.createConnection(protocol, { port })],
  ["createConnection: host", NO_STRING, (loop, host) => loop.createConnection(protocol, { host, port: 1 })],
  ["createUnixConnection", noOptions, (loop, options) => loop.createUnixConnection(protocol, options)],
  [
    "createUnixConnection: path",
    [undefined, "", ...NO_STRING],
    (loop, path) => loop.createUnixConnection(protocol, { path }),
  ],
  ["createDatagramEndpoint: protocol", NO_FUNCTION, (loop, make) => loop.createDatagramEndpoint(make, {})],
  ["createDatagramEndpoint", NO_OBJECT, (loop, options) => loop.createDatagramEndpoint(endpoint, options)],
  ["createDatagramEndpoint: local", NO_OBJECT, (loop, local) => loop.createDatagramEndpoint(endpoint, { local })],
  [
    "createDatagramEndpoint: port",
    NO_PORT,
    (loop, port) => loop.createDatagramEndpoint(endpoint, { local: { host: "127.0.0.1", port } }),
  ],
  ["subprocessExec: protocol", NO_FUNCTION, (loop, make) => loop.subprocessExec(make, ["true"])],
  ["subprocessExec", [undefined, null, 5, "true", {}, [], [5]], (loop, command) => loop.subprocessExec(child, command)],
  ["subprocessExec: options", NO_OBJECT, (loop, options) => loop.subprocessExec(child, ["true"], options)],
  [
    "subprocessExec: stdin",
    [null, -1, 1.5, "pip", {}],
    (loop, stdin) => loop.subprocessExec(child, ["true"], { stdin }),
  ],
  ["write", NO_BYTES, (loop, bytes) => onEnds(loop, ([transport]) => transport.write(bytes))],
  ["sendTo", NO_BYTES, (loop, bytes) => onEnds(loop, ([, datagrams]) => datagrams.sendTo(bytes, somewhere))],
  ["sendTo: address", NO_OBJECT, (loop, to) => onEnds(loop, ([, datagrams]) => datagrams.sendTo(noBytes, to))],
  [
    "sendTo: host",
    [undefined, ...NO_STRING],
    (loop, host) => onEnds(loop, ([, datagrams]) => datagrams.sendTo(noBytes, { host, port: 9 })),
  ],
  [
    "sendTo: port",
    [undefined, ...NO_PORT],
    (loop, port) => onEnds(loop, ([, datagrams]) => datagrams.sendTo(noBytes, { host: "127.0.0.1", port })),
  ],
  ["runUntilComplete", [undefined, null, 5, "text", {}], (loop, work) => loop.runUntilComplete(work)],
];

for (const [name, values, call, throws] of rows) {
  const row = (loop: EventLoop): BadCall => ({
    name,
    values,
    call: (value) => call(loop, value),
    ...(throws && { throws }),
  });
  test(`coppice/loop: ${name}`, () =>
    harmless(async () => {
      await using loop = new EventLoop();
      await assertRefused(row(loop));
    }));
}

test("who gives an event loop for the loop that it stands for is told what to pass", () =>
  harmless(async () => {
    await using loop = new EventLoop();
    const told = { name: "TypeError", message: /expected a Loop \(of an EventLoop, pass eventLoop\.loop\), got/ };
    assert.throws(() => new EventLoop(loop as never), told);
    await assert.rejects(
      run(() => {}, { loop: loop as never }),
      told,
    );
  }));

test("a host in place of the options is answered with what they are", () =>
  harmless(async () => {
    await using loop = new EventLoop();
    await assert.rejects(loop.createServer(protocol, "127.0.0.1" as never), {
      name: "TypeError",
      message: 'a server: expected { host, port } or { path }, got "127.0.0.1"',
    });
  }));
