/** Endpoints for datagrams. */
import assert from "node:assert/strict";
import { cancelScope } from "coppice";
import { EndpointProtocol, type EndpointTransport, type ExceptionContext, type SocketAddress } from "coppice/loop";
import type { Kit, Row } from "../kit.ts";

class Mailbox extends EndpointProtocol {
  transport!: EndpointTransport;
  readonly log: string[] = [];
  readonly received: { readonly text: string; readonly from: SocketAddress }[] = [];
  lostWith: Error | undefined;
  #watchers: (() => void)[] = [];

  override connectionMade(transport: EndpointTransport): void {
    this.transport = transport;
    this.note("made");
  }

  override datagramReceived(bytes: Uint8Array, from: SocketAddress): void {
    this.received.push({ text: Buffer.from(bytes).toString(), from });
    this.note("datagram");
  }

  override errorReceived(): void {
    this.note("error");
  }

  override connectionLost(error: Error | undefined): void {
    this.lostWith = error;
    this.note("lost");
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  protected note(event: string): void {
    assert.ok(!this.log.includes("lost"), `${event} after the end`);
    this.log.push(event);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

async function withEndpoints(
  kit: Kit,
  body: (a: Mailbox, b: Mailbox) => Promise<void>,
  first = new Mailbox(),
): Promise<void> {
  await kit.run(async () => {
    const local = { host: "127.0.0.1", port: 0 };
    const [, a] = await kit.loop.createDatagramEndpoint(() => first, { local });
    const [, b] = await kit.loop.createDatagramEndpoint(() => new Mailbox(), { local });
    await body(a, b);
    for (const { log, transport } of [a, b]) if (!log.includes("lost")) transport.close();
    await a.until(() => a.log.includes("lost"));
    await b.until(() => b.log.includes("lost"));
  });
}

export const datagramRows: readonly Row[] = [
  {
    name: "datagrams keep their boundaries, and say where they come from",
    run: (kit) =>
      withEndpoints(kit, async (a, b) => {
        for (const text of ["one", "", "three"]) a.transport.sendTo(Buffer.from(text), b.transport.localAddress);
        await b.until(() => b.received.length === 3);
        assert.deepEqual(
          b.received.map(({ text }) => text),
          ["one", "", "three"],
        );
        const { from } = b.received[0] as (typeof b.received)[number];
        assert.equal(from.port, a.transport.localAddress.port);
        b.transport.sendTo(Buffer.from("back"), from);
        await a.until(() => a.received.length === 1);
      }),
  },
  {
    name: "an endpoint with a peer sends to it, and hears nobody else",
    run: (kit) =>
      withEndpoints(kit, async (a, b) => {
        const [transport, connected] = await kit.loop.createDatagramEndpoint(() => new Mailbox(), {
          remote: a.transport.localAddress,
        });
        transport.sendTo(Buffer.from("to my peer"));
        await a.until(() => a.received.length === 1);
        b.transport.sendTo(Buffer.from("a stranger"), transport.localAddress);
        a.transport.sendTo(Buffer.from("the peer"), transport.localAddress);
        await connected.until(() => connected.received.length > 0);
        assert.deepEqual(
          connected.received.map(({ text }) => text),
          ["the peer"],
        );
        transport.abort();
        assert.equal(transport.isClosing, true);
        await connected.until(() => connected.log.includes("lost"));
      }),
  },
  {
    name: "an endpoint is made, and lost, once; sending afterwards does nothing",
    run: (kit) =>
      withEndpoints(kit, async (a, b) => {
        a.transport.close();
        a.transport.close();
        a.transport.sendTo(Buffer.from("too late"), b.transport.localAddress);
        await a.until(() => a.log.includes("lost"));
        assert.deepEqual(a.log, ["made", "lost"]);
        assert.equal(a.lostWith, undefined);
      }),
  },
  {
    name: "a datagramReceived that throws costs its endpoint, and others go on",
    run: (kit) => {
      const contexts: ExceptionContext[] = [];
      kit.loop.setExceptionHandler((context) => contexts.push(context));
      const failure = new Error("thrown by the protocol");
      class Failing extends Mailbox {
        override datagramReceived(): void {
          throw failure;
        }
      }
      return withEndpoints(
        kit,
        async (a, b) => {
          b.transport.sendTo(Buffer.from("boom"), a.transport.localAddress);
          await a.until(() => a.log.includes("lost"));
          assert.equal(a.lostWith, failure);
          assert.deepEqual(
            contexts.map(({ message, error }) => [message, error]),
            [["datagramReceived of Failing threw: its endpoint is aborted", failure]],
          );
          b.transport.sendTo(Buffer.from("still here"), b.transport.localAddress);
          await b.until(() => b.received.some(({ text }) => text === "still here"));
        },
        new Failing(),
      );
    },
  },
  {
    name: "createDatagramEndpoint throws what the maker of its protocol does, and is a checkpoint",
    run: (kit) =>
      kit.run(async () => {
        await assert.rejects(
          kit.loop.createDatagramEndpoint(() => {
            throw new Error("no protocol");
          }, {}),
          /no protocol/,
        );
        await cancelScope(async (scope) => {
          scope.cancel();
          await kit.loop.createDatagramEndpoint(() => new Mailbox(), {});
          assert.fail("a checkpoint throws");
        });
      }),
  },
];
