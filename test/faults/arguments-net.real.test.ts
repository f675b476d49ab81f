/** Whatever is given to the functions of coppice/net that is not what they ask for: refused by name, and nothing is opened. */
import test from "node:test";
import {
  BufferedReader,
  contentLength,
  framed,
  lengthPrefixed,
  lines,
  listen,
  listenTls,
  listenUnix,
  memoryPair,
  openTcp,
  openTls,
  openUdp,
  openUnix,
  readFrames,
  serve,
  stapled,
  tlsClient,
  tlsContext,
  tlsListener,
  tlsServer,
  untilEof,
} from "coppice/net";
import {
  assertRefused,
  type BadCall,
  NO_BYTES,
  NO_COUNT,
  NO_DURATION,
  NO_FUNCTION,
  NO_OBJECT,
  NO_PORT,
  NO_STRING,
} from "../support/faults-arguments.ts";
import { harmless } from "../support/faults-guard.ts";
import { serverContext } from "../tls/identities.ts";

const context = serverContext();
const path = "/tmp/coppice-arguments";
const remote = { host: "127.0.0.1", port: 9 };
/** Without the undefined that stands for a default. */
const noFunction = NO_FUNCTION.filter((value) => value !== undefined);
const noOptions = [undefined, ...NO_OBJECT];

async function served(options: object, handler: unknown = () => {}): Promise<void> {
  const listener = await listen({ port: 0 });
  await serve(listener, handler as () => void, options);
}

async function onSocket(call: (socket: Awaited<ReturnType<typeof openUdp>>) => Promise<unknown>): Promise<unknown> {
  await using socket = await openUdp();
  return await call(socket);
}

const calls: readonly BadCall[] = [
  { name: "openTcp", call: openTcp, values: noOptions },
  { name: "openTcp: host", call: (host) => openTcp({ host, port: 1 }), values: NO_STRING },
  { name: "openTcp: port", call: (port) => openTcp({ port }), values: NO_PORT },
  { name: "openTcp: localHost", call: (localHost) => openTcp({ port: 1, localHost }), values: NO_STRING },
  {
    name: "openTcp: connectionAttemptDelayMs",
    call: (connectionAttemptDelayMs) => openTcp({ port: 1, connectionAttemptDelayMs }),
    values: NO_DURATION,
  },
  { name: "listen", call: listen, values: noOptions },
  { name: "listen: host", call: (host) => listen({ host, port: 0 }), values: NO_STRING },
  { name: "listen: port", call: (port) => listen({ port }), values: NO_PORT },
  { name: "listen: backlog", call: (backlog) => listen({ port: 0, backlog }), values: NO_COUNT },
  { name: "openUnix", call: openUnix, values: noOptions },
  { name: "openUnix: path", call: (name) => openUnix({ path: name }), values: [undefined, "", ...NO_STRING] },
  { name: "listenUnix", call: listenUnix, values: noOptions },
  { name: "listenUnix: path", call: (name) => listenUnix({ path: name }), values: [undefined, "", ...NO_STRING] },
  { name: "listenUnix: mode", call: (mode) => listenUnix({ path, mode }), values: [null, Number.NaN, -1, 512, "600"] },
  { name: "listenUnix: backlog", call: (backlog) => listenUnix({ path, backlog }), values: NO_COUNT },
  { name: "listenUnix: staleSocket", call: (staleSocket) => listenUnix({ path, staleSocket }), values: [null, "x", 1] },
  { name: "openUdp", call: openUdp, values: NO_OBJECT },
  { name: "openUdp: host", call: (host) => openUdp({ host }), values: NO_STRING },
  { name: "openUdp: port", call: (port) => openUdp({ port }), values: NO_PORT.slice(1) },
  { name: "openUdp: family", call: (family) => openUdp({ family }), values: [null, 0, 5, "IPv4", {}] },
  { name: "openUdp: remote", call: (to) => openUdp({ remote: to }), values: NO_OBJECT },
  { name: "openUdp: the host of remote", call: (host) => openUdp({ remote: { host, port: 1 } }), values: NO_STRING },
  { name: "openUdp: the port of remote", call: (port) => openUdp({ remote: { ...remote, port } }), values: NO_PORT },
  { name: "openUdp: maxBufferedBytes", call: (bytes) => openUdp({ maxBufferedBytes: bytes }), values: NO_COUNT },
  { name: "send of UDP", call: (bytes) => onSocket((socket) => socket.send(bytes, remote)), values: NO_BYTES },
  { name: "send of UDP: to", call: (to) => onSocket((one) => one.send(Buffer.from(""), to)), values: NO_OBJECT },
  {
    name: "send of UDP: port",
    call: (port) => onSocket((one) => one.send(Buffer.from(""), { host: "127.0.0.1", port })),
    values: NO_PORT,
  },
  {
    name: "send of UDP: host",
    call: (host) => onSocket((one) => one.send(Buffer.from(""), { host, port: 1 })),
    values: NO_STRING,
  },
  { name: "serve", call: (listener) => serve(listener, () => {}), values: [undefined, ...NO_OBJECT, {}, [5]] },
  { name: "serve: handler", call: (handler) => served({}, handler), values: noFunction },
  { name: "serve: options", call: (options) => served(options), values: NO_OBJECT },
  { name: "serve: maxConnections", call: (max) => served({ maxConnections: max }), values: NO_COUNT },
  { name: "serve: closeTimeoutMs", call: (ms) => served({ closeTimeoutMs: ms }), values: NO_DURATION },
  { name: "serve: onError", call: (onError) => served({ onError }), values: noFunction },
  { name: "openTls", call: openTls, values: noOptions },
  { name: "openTls: serverName", call: (serverName) => openTls({ port: 1, serverName }), values: ["", 5, {}] },
  { name: "openTls: context", call: (one) => openTls({ port: 1, context: one }), values: [null, 5, {}] },
  {
    name: "openTls: handshakeTimeoutMs",
    call: (ms) => openTls({ port: 1, handshakeTimeoutMs: ms }),
    values: NO_DURATION,
  },
  { name: "listenTls", call: listenTls, values: noOptions },
  { name: "listenTls: context", call: (one) => listenTls({ port: 0, context: one }), values: [null, 5, {}] },
  { name: "listenTls: port", call: (port) => listenTls({ port, context }), values: NO_PORT },
  { name: "tlsClient", call: (options) => tlsClient(memoryPair()[0], options), values: noOptions, throws: true },
  { name: "tlsServer", call: (options) => tlsServer(memoryPair()[0], options), values: noOptions, throws: true },
  {
    name: "tlsClient: stream",
    call: (stream) => tlsClient(stream, { serverName: "localhost" }),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "tlsServer: stream",
    call: (one) => tlsServer(one, { context }),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "tlsListener",
    call: (one) => tlsListener(one, { context }),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  { name: "tlsContext", call: tlsContext, values: NO_OBJECT, throws: true },
  { name: "tlsContext: cert", call: (cert) => tlsContext({ cert, key: "" }), values: [5, {}, true], throws: true },
  {
    name: "tlsContext: alpnProtocols",
    call: (alpnProtocols) => tlsContext({ alpnProtocols }),
    values: [null, 5, "h2", {}],
    throws: true,
  },
  { name: "send", call: (bytes) => memoryPair()[0].send(bytes), values: NO_BYTES },
  { name: "trySend", call: (bytes) => memoryPair()[0].trySend(bytes), values: NO_BYTES, throws: true },
  { name: "receive", call: (max) => memoryPair()[0].receive(max), values: NO_COUNT },
  { name: "send of TLS", call: (bytes) => tlsServer(memoryPair()[0], { context }).send(bytes), values: NO_BYTES },
  { name: "receive of TLS", call: (max) => tlsServer(memoryPair()[0], { context }).receive(max), values: NO_COUNT },
  { name: "send of stapled streams", call: (bytes) => stapled(...memoryPair()).send(bytes), values: NO_BYTES },
  {
    name: "stapled: sender",
    call: (sender) => stapled(sender, memoryPair()[0]),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "stapled: receiver",
    call: (receiver) => stapled(memoryPair()[0], receiver),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "BufferedReader",
    call: (one) => new BufferedReader(one),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "readExactly",
    call: (count) => reader().readExactly(count),
    values: [undefined, null, Number.NaN, -1, 1.5, "5"],
  },
  { name: "readUntil", call: (end) => reader().readUntil(end), values: [undefined, null, 5, {}] },
  { name: "receive of a reader", call: (max) => reader().receive(max), values: NO_COUNT },
  { name: "readFrames", call: (one) => readFrames(one, lines()), values: [undefined, ...NO_OBJECT, {}], throws: true },
  {
    name: "readFrames: framing",
    call: (one) => readFrames(memoryPair()[0], one),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  { name: "framed", call: (one) => framed(one, lines()), values: [undefined, ...NO_OBJECT, {}], throws: true },
  {
    name: "framed: framing",
    call: (one) => framed(memoryPair()[0], one),
    values: [undefined, ...NO_OBJECT, {}],
    throws: true,
  },
  {
    name: "send of frames",
    call: (one) => framed(memoryPair()[0], lengthPrefixed()).send(one),
    values: [undefined, null, 5, {}],
  },
  {
    name: "send of lines",
    call: (one) => framed(memoryPair()[0], lines()).send(one),
    values: [undefined, null, 5, {}],
  },
  { name: "lengthPrefixed", call: lengthPrefixed, values: NO_OBJECT, throws: true },
  {
    name: "lengthPrefixed: maxFrameBytes",
    call: (max) => lengthPrefixed({ maxFrameBytes: max }),
    values: NO_COUNT,
    throws: true,
  },
  { name: "lines", call: lines, values: NO_OBJECT, throws: true },
  { name: "lines: maxLineBytes", call: (max) => lines({ maxLineBytes: max }), values: NO_COUNT, throws: true },
  { name: "contentLength", call: contentLength, values: NO_OBJECT, throws: true },
  { name: "untilEof", call: untilEof, values: NO_OBJECT, throws: true },
];

function reader(): BufferedReader {
  return new BufferedReader(memoryPair()[0]);
}

for (const call of calls) test(`coppice/net: ${call.name}`, () => harmless(() => assertRefused(call)));
