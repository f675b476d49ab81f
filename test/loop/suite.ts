/** The one behaviour suite: every row holds on every loop. */
import test from "node:test";
import { Kit, type LoopKind, type Row } from "./kit.ts";
import { callbackRows } from "./rows/callbacks.ts";
import { connectionRows } from "./rows/connections.ts";
import { datagramRows } from "./rows/datagrams.ts";
import { faultRows } from "./rows/faults.ts";
import { flowRows } from "./rows/flow.ts";
import { runRows } from "./rows/runs.ts";
import { serverRows } from "./rows/servers.ts";
import { startTlsRows } from "./rows/start-tls.ts";
import { taskRows } from "./rows/tasks.ts";
import { timerRows } from "./rows/timers.ts";
import { unixRows } from "./rows/unix.ts";

const rows: readonly Row[] = [
  ...callbackRows,
  ...timerRows,
  ...runRows,
  ...taskRows,
  ...serverRows,
  ...connectionRows,
  ...faultRows,
  ...flowRows,
  ...startTlsRows,
  ...unixRows,
  ...datagramRows,
];

export function eventLoopSuite(kind: LoopKind): void {
  for (const { name, run, on } of rows) {
    if (on !== undefined && !on(kind)) continue;
    test(`${kind.name} loop: ${name}`, async () => {
      const kit = new Kit(kind);
      try {
        await run(kit);
      } catch (error) {
        await kit.loop.close();
        throw error;
      }
      await kit.end();
    });
  }
}
