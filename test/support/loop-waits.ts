/** Rows of the table in `waits.ts`: the waits of event loops, on a loop whose network does what the row says. */
import { currentLoop } from "coppice";
import { EventLoop, StreamProtocol, type StreamTransport, type SubprocessProtocol } from "coppice/loop";
import type { Protocol } from "../../src/kernel/network.ts";
import type { Loop } from "../../src/kernel/ports.ts";
import type { ChildTransport } from "../../src/kernel/processes.ts";
import { Home } from "../../src/protocols/home.ts";
import { ProtocolServer } from "../../src/protocols/server.ts";
import { NotingTransport } from "./noting-transport.ts";
import type { Wait } from "./wait.ts";

const child: ChildTransport = { pid: 1, kill: () => false, killGroup: () => false, isGroupAlive: () => false };

/** The loop in force, but for what is replaced. */
function loopWith(replaced: Partial<Record<"network" | "processes", object>>): Loop {
  const { time, warn, callAt, afterTurn } = currentLoop();
  return { name: "a loop of a test", time, warn, callAt, afterTurn, ...replaced } as unknown as Loop;
}

export const loopWaits: readonly Wait[] = [
  {
    name: "eventLoop.createConnection",
    open: () => {
      let isReady = false;
      let made: StreamTransport | undefined;
      let connecting: Protocol | undefined;
      const connect = (_options: object, protocol: Protocol): (() => void) => {
        connecting = protocol;
        if (isReady) protocol.connectionMade(new NotingTransport());
        return () => {};
      };
      class Noting extends StreamProtocol {
        override connectionMade(transport: StreamTransport): void {
          made = transport;
        }
      }
      const loop = new EventLoop(loopWith({ network: { connect } }));
      return {
        wait: async () => (await loop.createConnection(() => new Noting(), { port: 1 }))[0],
        wake: () => {
          isReady = true;
          connecting?.connectionMade(new NotingTransport());
        },
        get value() {
          return made;
        },
        end: () => {},
      };
    },
  },
  {
    name: "eventLoop.subprocessExec",
    open: () => {
      const started = Promise.withResolvers<ChildTransport>();
      const loop = new EventLoop(loopWith({ processes: { spawn: () => started.promise } }));
      const protocol = { connectionMade: () => {} } as unknown as SubprocessProtocol;
      return {
        wait: async () => (await loop.subprocessExec(() => protocol, ["true"]))[1],
        wake: () => started.resolve(child),
        value: protocol,
        end: () => {},
      };
    },
  },
  {
    name: "server.waitClosed",
    open: () => {
      const server = new ProtocolServer(new Home(currentLoop()), () => new StreamProtocol());
      return { wait: () => server.waitClosed(), wake: () => server.close(), value: undefined, end: () => {} };
    },
  },
  {
    name: "server.serveForever",
    open: () => {
      const server = new ProtocolServer(new Home(currentLoop()), () => new StreamProtocol());
      return { wait: () => server.serveForever(), wake: () => server.close(), value: undefined, end: () => {} };
    },
  },
];
