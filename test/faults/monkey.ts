/**
 * A monkey at the streams: connections whose ends send, receive, half close, close, abort and give up at moments that are drawn, while
 * a saboteur closes, aborts and cancels. What must hold, whatever it does:
 *
 *   what is received is the beginning of what was sent; a send that was cancelled or failed is no part of it
 *   an end of file comes after all of it, and never in the place of a reset
 *   the errors are those that have names
 *   it all comes to an end
 */
import assert from "node:assert/strict";
import {
  BrokenError,
  type CancelScope,
  ClosedError,
  cancelScope,
  currentLoop,
  moveOnAfter,
  sleep,
  taskGroup,
} from "coppice";
import type { ByteStream } from "coppice/net";
import type { FaultKind } from "../support/faults-kinds.ts";
import { pattern } from "./streams-at-work.ts";

/** When everything is aborted, in milliseconds. */
const CURFEW_MS = 60;

interface End {
  readonly stream: ByteStream;
  /** Bytes of sends that are over, and with those of one that is under way. */
  sent: number;
  attempted: number;
  received: number;
  readonly scopes: CancelScope[];
}

/** A whole number from 0 to `below`, without that. */
function draw(below: number): number {
  return Math.floor(currentLoop().random() * below);
}

/** For ever, or not for long. */
function patience(): number {
  return draw(2) === 0 ? Number.POSITIVE_INFINITY : draw(4);
}

/** Lets the monkey at some connections of a kind. */
export async function monkey(kind: FaultKind): Promise<void> {
  const site = await kind.open();
  await taskGroup(async (group) => {
    for (let count = 1 + draw(3); count > 0; count--) {
      // One after the other, as two that connect at once may be accepted in either order.
      const streams = await site.connect();
      group.spawn(() => atOneConnection(kind, streams));
    }
  });
  await site.close();
}

async function atOneConnection(kind: FaultKind, streams: readonly [ByteStream, ByteStream]): Promise<void> {
  const [client, server] = streams.map((stream): End => ({ stream, sent: 0, attempted: 0, received: 0, scopes: [] }));
  assert.ok(client !== undefined && server !== undefined);
  await taskGroup(async (group) => {
    for (const [here, there] of [
      [client, server],
      [server, client],
    ] as const) {
      group.spawn(() => named(here, () => sends(here)), { name: "sender" });
      group.spawn(() => named(here, () => receives(here, there, kind)), { name: "receiver" });
    }
    group.spawn(() => sabotages([client, server]), { name: "saboteur" });
    await sleep(CURFEW_MS);
    for (const stream of streams) stream.abort();
  });
}

/** In a scope that the saboteur knows. */
async function named(end: End, body: () => Promise<void>): Promise<void> {
  await cancelScope(async (scope) => {
    end.scopes.push(scope);
    try {
      await body();
    } catch (error) {
      if (!(error instanceof BrokenError || error instanceof ClosedError)) throw error;
      assert.ok(
        error.message.length > 10 && /^(BROKEN|CLOSED|TLS)$/.test(error.code),
        `${error.code} ${error.message}`,
      );
    }
  });
}

async function sends(end: End): Promise<void> {
  const { stream } = end;
  for (let steps = draw(12); steps > 0; steps--) {
    const size = draw(3) === 0 ? draw(200_000) : draw(100);
    const bytes = pattern(size, end.sent);
    end.attempted = end.sent + size;
    const kind = draw(8);
    if (kind === 0) await sleep(draw(5));
    else if (kind === 1) {
      if (stream.trySend(bytes)) end.sent += size;
    } else if (kind === 2 && steps < 4) return await stream.sendEof();
    else if (await moveOnAfter(patience(), () => stream.send(bytes).then(() => true))) end.sent += size;
  }
  switch (draw(4)) {
    case 0:
      return stream.abort();
    case 1:
      return await stream.sendEof();
    case 2:
      await moveOnAfter(patience(), () => stream.close());
  }
}

async function receives(end: End, from: End, { knowsReset }: FaultKind): Promise<void> {
  for (;;) {
    if (draw(6) === 0) await sleep(draw(6));
    const most = draw(2) === 0 ? undefined : 1 + draw(5_000);
    const got = await moveOnAfter(patience(), () => end.stream.receive(most).then((bytes) => ({ bytes })));
    if (got === undefined) continue;
    const { bytes } = got;
    if (bytes === undefined) {
      if (knowsReset) assert.ok(end.received >= from.sent, `the end after ${end.received} bytes of ${from.sent}`);
      return;
    }
    assert.ok(bytes.length > 0 && bytes.length <= (most ?? Number.POSITIVE_INFINITY), `${bytes.length} bytes came`);
    assert.ok(pattern(bytes.length, end.received).equals(bytes), `from ${end.received} on, other bytes came`);
    end.received += bytes.length;
    assert.ok(end.received <= from.attempted, `${end.received} bytes came of ${from.attempted}`);
  }
}

async function sabotages(ends: readonly End[]): Promise<void> {
  for (let acts = draw(4); acts > 0; acts--) {
    await sleep(draw(20));
    const end = ends[draw(2)] as End;
    const kind = draw(4);
    if (kind === 0) end.stream.abort();
    else if (kind === 1) await moveOnAfter(patience(), () => end.stream.close());
    else end.scopes[draw(end.scopes.length)]?.cancel("sabotage");
  }
}
