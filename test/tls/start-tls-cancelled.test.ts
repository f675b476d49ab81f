/** startTls, cancelled: before, during, in the same tick, shielded, nested, abandoned. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, shield, sleep, taskGroup } from "coppice";
import type { TlsTransport } from "coppice/loop";
import { startTls } from "../../src/protocols/start-tls.ts";
import { attempt } from "../support/attempt.ts";
import { assertCancelledBy, rejection } from "../support/rejection.ts";
import { unhandledDuring } from "../support/unhandled.ts";
import { clientOptions, serverOptions, withTransports } from "./transports.ts";

test("cancelled, the connection is aborted, as it is neither plain nor TLS", () =>
  withTransports(async (client, server) => {
    await cancelScope(async (scope) => {
      const upgrading = assertCancelledBy(scope, startTls(client.plain, client.notes, clientOptions));
      await sleep(1);
      scope.cancel();
      await upgrading;
    });
    assert.deepEqual(client.notes.calls, ["lost"]);
    await sleep(1);
    assert.equal(server.before.calls.at(-1), "lost with an error");
  }));

test("cancelled in the tick in which it is done, the upgrade was told, and the next wait throws", () =>
  withTransports(async (client, server) => {
    await taskGroup(async (group) => {
      const theirs = group.spawn(() => startTls(server.plain, server.notes, serverOptions));
      const ours = attempt(group, () => startTls(client.plain, client.notes, clientOptions));
      while (client.plain.protocol === client.before) await Promise.resolve();
      const upgrading = client.plain.protocol as TlsTransport;
      const receive = upgrading.dataReceived.bind(upgrading);
      upgrading.dataReceived = (bytes) => {
        receive(bytes);
        if (upgrading.session !== undefined) ours.scope.cancel();
      };
      await ours.over;
      await theirs;
      assert.ok(ours.outcome !== "cancelled" && ours.didNextThrow);
      assert.deepEqual(client.notes.calls, [], "the connection goes on");
    });
  }));

test("shielded it goes on; in an outer cancelled scope the outer one is named", () =>
  withTransports(async (client, server) => {
    await cancelScope(async (outer) => {
      const theirs = shield(() => startTls(server.plain, server.notes, serverOptions));
      const ours = cancelScope(() => assertCancelledBy(outer, startTls(client.plain, client.notes, clientOptions)));
      outer.cancel();
      await ours;
      assert.ok((await rejection(theirs)) instanceof Error, "its peer has gone");
    });
    assert.deepEqual(client.notes.calls, ["lost"]);
  }));

test("abandoned and cancelled, it raises nothing", async () => {
  const strays = await unhandledDuring(() =>
    withTransports(async (client) => {
      await cancelScope(async (scope) => {
        void startTls(client.plain, client.notes, clientOptions);
        await sleep(1);
        scope.cancel();
      });
      await sleep(1);
    }),
  );
  assert.deepEqual(strays, []);
});

test("in a cancelled scope nothing is touched", () =>
  withTransports(async (client) => {
    await cancelScope(async (scope) => {
      scope.cancel();
      await assertCancelledBy(scope, startTls(client.plain, client.notes, clientOptions));
    });
    assert.equal(client.plain.protocol, client.before);
  }));
