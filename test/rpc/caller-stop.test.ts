/** What a graceful stop means for the calling side. */
import assert from "node:assert/strict";
import test from "node:test";
import { BrokenError, cancelScope, currentScope, sleep, taskGroup } from "coppice";
import { listen } from "coppice/net";
import { currentPeer, type Peer, SERVER_STOPPING, serveRpc, withPeer } from "coppice/rpc";
import { virtualRun } from "coppice/testing";

/** Runs `body` with a peer of a service with these methods. */
function calling(methods: Record<string, unknown>, body: (peer: Peer) => Promise<void>, own = {}): Promise<void> {
  return virtualRun(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(() => serveRpc(listener, methods));
      await withPeer(`tcp://127.0.0.1:${listener.address.port}`, body, { methods: own });
      group.cancelAll("the test is over");
    }),
  );
}

test("a caller that is asked to stop still gets the answers that it waits for", () =>
  calling(
    {
      async nap() {
        await sleep(100);
        return "rested";
      },
    },
    async (peer) => {
      const answer = await cancelScope(async (caller) => {
        caller.stop({ graceMs: 1_000 });
        return await peer.request("nap");
      });
      assert.equal(answer, "rested");
    },
  ));

test("withPeer inside a scope that is stopping goes on until its body is done, and refuses what the peer asks", () =>
  virtualRun(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      const answers: unknown[] = [];
      const methods = {
        async askBack() {
          await currentPeer()
            ?.request("own")
            .catch((error) => answers.push(error.code));
        },
      };
      group.spawn(() => serveRpc(listener, methods));
      await cancelScope((caller) =>
        withPeer(
          `tcp://127.0.0.1:${listener.address.port}`,
          async (peer) => {
            caller.stop({ graceMs: 10_000 });
            assert.ok(currentScope().isStopping);
            await sleep(500);
            await peer.request("askBack");
            answers.push("answered");
          },
          { methods: { own: () => "never" } },
        ),
      );
      assert.deepEqual(answers, [SERVER_STOPPING, "answered"]);
      group.cancelAll("the test is over");
    }),
  ));

test("a call says why the connection was lost", () =>
  virtualRun(() =>
    taskGroup(async (group) => {
      const listener = await listen({ port: 0 });
      group.spawn(async () => {
        await using stream = await listener.accept();
        await stream.receive();
        await stream.send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      });
      await withPeer(`tcp://127.0.0.1:${listener.address.port}`, async (peer) => {
        await assert.rejects(peer.request("foo"), (error: Error) => {
          assert.ok(error instanceof BrokenError);
          assert.match(error.message, /maxFrameBytes/);
          return true;
        });
      });
      await listener.close();
    }),
  ));
