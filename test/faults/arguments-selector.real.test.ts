/** Whatever is given to the selector and its sockets that is not what they ask for: refused by name, and no descriptor stays open. */
import test from "node:test";
import { EVENT_READ, Selector, Socket, socketPair } from "coppice/selector";
import { assertRefused, NO_BYTES, NO_FUNCTION, NO_OBJECT, NO_STRING } from "../support/faults-arguments.ts";
import { harmless } from "../support/faults-guard.ts";

/** An empty array reads as an empty text. */
const noText = NO_STRING.filter((value) => !Array.isArray(value));
const noCount = [null, Number.NaN, -1, 1.5, "5", {}, Symbol("value")];
const noPort = [null, Number.NaN, -1, 1.5, 65_536, "80", {}, undefined];
const noDescriptor = [undefined, null, Number.NaN, -1, 1.5, "5", {}];
const noEvents = [undefined, null, Number.NaN, 0, -1, 4, "1", {}];
const noAddress = [undefined, ...NO_OBJECT, {}];
const noTimeout = [Number.NaN, -1, "5", {}];

/** Called with a pair, a socket that is neither connected nor bound, and a selector. */
type Call = (
  tools: { pair: readonly [Socket, Socket]; socket: Socket; datagram: Socket; selector: Selector },
  value: never,
) => unknown;

const rows: readonly [name: string, values: readonly unknown[], call: Call][] = [
  ["new Socket", [null, 5, "ipv4"], (_, options) => new Socket(options)],
  ["new Socket: family", [null, 4, "IPv4", {}], (_, family) => new Socket({ family })],
  ["new Socket: type", [null, 1, "tcp", {}], (_, type) => new Socket({ type })],
  ["socketPair", [null, 1, "tcp", {}], (_, type) => socketPair(type)],
  ["bind", noAddress, ({ socket }, address) => socket.bind(address)],
  ["bind: host", [undefined, "no address", ...noText], ({ socket }, host) => socket.bind({ host, port: 0 })],
  ["bind: port", noPort, ({ socket }, port) => socket.bind({ host: "127.0.0.1", port })],
  ["listen", noCount, ({ socket }, backlog) => socket.listen(backlog)],
  ["connect", noAddress, ({ socket }, address) => socket.connect(address)],
  ["connect: host", [undefined, "no address", ...noText], ({ socket }, host) => socket.connect({ host, port: 1 })],
  ["connect: port", noPort, ({ socket }, port) => socket.connect({ host: "127.0.0.1", port })],
  ["connect: path", [undefined, "", ...noText], ({ pair: [one] }, path) => one.connect({ path })],
  ["setTimeout", [undefined, 0, ...noTimeout], ({ socket }, ms) => socket.setTimeout(ms)],
  ["setOption", [undefined, null, 5, "linger", {}], ({ socket }, name) => socket.setOption(name, 1)],
  [
    "setOption: value",
    [undefined, Number.NaN, "yes", {}],
    ({ socket }, value) => socket.setOption("sendBufferBytes", value),
  ],
  ["getOption", [undefined, null, 5, "linger", {}], ({ socket }, name) => socket.getOption(name)],
  ["recv", [0, ...noCount], ({ pair: [one] }, count) => one.recv(count)],
  ["recvFrom", [0, ...noCount], ({ datagram }, count) => datagram.recvFrom(count)],
  ["send", NO_BYTES, ({ pair: [one] }, bytes) => one.send(bytes)],
  ["sendAll", NO_BYTES, ({ pair: [one] }, bytes) => one.sendAll(bytes)],
  ["sendTo", NO_BYTES, ({ datagram }, bytes) => datagram.sendTo(bytes, { host: "127.0.0.1", port: 9 })],
  ["sendTo: address", noAddress, ({ datagram }, address) => datagram.sendTo(new Uint8Array(1), address)],
  ["shutdown", [null, 1, "all", {}], ({ pair: [one] }, direction) => one.shutdown(direction)],
  ["register", noDescriptor, ({ selector }, target) => selector.register(target, EVENT_READ, undefined)],
  ["register: events", noEvents, ({ selector, pair: [one] }, events) => selector.register(one, events, undefined)],
  ["modify", noDescriptor, ({ selector }, target) => selector.modify(target, EVENT_READ)],
  ["unregister", noDescriptor, ({ selector }, target) => selector.unregister(target)],
  ["getKey", noDescriptor, ({ selector }, target) => selector.getKey(target)],
  ["select", noTimeout, ({ selector }, timeoutMs) => selector.select(timeoutMs)],
  ["callAt", [undefined, null, Number.NaN, "5", {}], ({ selector }, when) => selector.callAt(when, () => {})],
  ["callAt: callback", NO_FUNCTION, ({ selector }, callback) => selector.callAt(0, callback)],
];

for (const [name, values, call] of rows) {
  test(`coppice/selector: ${name}`, () =>
    harmless(async () => {
      using selector = new Selector();
      using socket = new Socket();
      using datagram = new Socket({ type: "datagram" });
      const pair = socketPair();
      // What is taken after all is not to block.
      for (const one of [...pair, socket, datagram]) one.setBlocking(false);
      try {
        await assertRefused({
          name,
          values,
          throws: true,
          call: (value) => call({ pair, socket, datagram, selector }, value),
        });
      } finally {
        for (const one of pair) one.close();
      }
    }));
}
