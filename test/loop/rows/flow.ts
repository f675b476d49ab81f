/** Write buffers: their marks, and who is told. */
import assert from "node:assert/strict";
import type { WriteBufferLimits } from "coppice/loop";
import { withConnection } from "../connected.ts";
import { type Row, turn } from "../kit.ts";

/** More than the system takes from a writer whose reader does not read. */
const PLENTY = 20_000_000;

function marks(limits: Partial<WriteBufferLimits> | undefined, low: number): Row {
  return {
    name: `a writer is told to pause and to resume, once each, with the marks ${JSON.stringify(limits ?? "by default")}`,
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        if (limits !== undefined) client.transport.setWriteBufferLimits(limits);
        server.transport.pauseReading();
        client.transport.write(new Uint8Array(PLENTY));
        await client.has("pause");
        client.transport.write(new Uint8Array(1_000));
        client.transport.write(new Uint8Array(1_000));
        for (let left = 5; left > 0; left--) await turn(kit.loop);
        assert.deepEqual(client.log, ["made", "pause"]);
        let atResume = Infinity;
        const resumed = client.has("resume").then(() => {
          atResume = client.transport.bufferedBytes;
        });
        server.transport.resumeReading();
        await resumed;
        assert.ok(atResume <= low, `${atResume} bytes were waiting`);
        await server.until(() => server.bytes === PLENTY + 2_000);
        assert.deepEqual(client.log, ["made", "pause", "resume"]);
      }),
  };
}

export const flowRows: readonly Row[] = [
  marks(undefined, 64 * 1024),
  marks({ high: 0 }, 0),
  marks({ high: 1_000_000, low: 500_000 }, 500_000),
  marks({ low: 1_000 }, 1_000),
  {
    name: "what waits below the high mark pauses nobody",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        client.transport.setWriteBufferLimits({ high: 2 * PLENTY });
        server.transport.pauseReading();
        client.transport.write(new Uint8Array(PLENTY));
        for (let left = 5; left > 0; left--) await turn(kit.loop);
        assert.deepEqual(client.log, ["made"]);
        server.transport.resumeReading();
        await server.until(() => server.bytes === PLENTY);
      }),
  },
  {
    name: "marks that are lowered below what waits pause at once, and raised above it resume",
    run: (kit) =>
      withConnection(kit, async ({ client, server }) => {
        client.transport.setWriteBufferLimits({ high: 2 * PLENTY });
        server.transport.pauseReading();
        client.transport.write(new Uint8Array(PLENTY));
        for (let left = 5; left > 0; left--) await turn(kit.loop);
        client.transport.setWriteBufferLimits({ high: 10 });
        assert.deepEqual(client.log, ["made", "pause"]);
        client.transport.setWriteBufferLimits({ high: 2 * PLENTY, low: 2 * PLENTY });
        assert.deepEqual(client.log, ["made", "pause", "resume"]);
        client.transport.abort();
        await client.has("lost");
        server.transport.abort();
      }),
  },
  {
    name: "marks that make no sense are refused, and change nothing",
    run: (kit) =>
      withConnection(kit, async ({ client }) => {
        const bad: Partial<WriteBufferLimits>[] = [
          { high: NaN },
          { high: -1 },
          { low: -1 },
          { low: NaN },
          { high: 1, low: 2 },
          { high: 0, low: 1 },
          { high: "1" as unknown as number },
        ];
        for (const limits of bad)
          assert.throws(() => client.transport.setWriteBufferLimits(limits), RangeError, JSON.stringify(limits));
      }),
  },
];
