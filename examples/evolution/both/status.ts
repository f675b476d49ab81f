/** The live status: one line, rewritten in place on a terminal, and else printed anew every few seconds. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { currentLoop, sleep } from "coppice";
import type { Latencies } from "./latencies.ts";
import type { Service } from "./service.ts";

const TERMINAL_INTERVAL_MS = 1_000;
const PLAIN_INTERVAL_MS = 2_000;
/** How often the event loop is probed. What is reported is the time from probe to probe, so this much is no delay. */
const PROBE_MS = 10;

const { stdout } = process;

/** Shows the status until cancelled. */
export async function showStatus(service: Service, latencies: Latencies): Promise<void> {
  const loop = currentLoop();
  const delay = monitorEventLoopDelay({ resolution: PROBE_MS });
  delay.enable();
  let before = { at: loop.time(), calls: 0 };
  try {
    for (;;) {
      await sleep(stdout.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
      const now = { at: loop.time(), calls: service.calls };
      const rate = ((now.calls - before.calls) * 1_000) / (now.at - before.at);
      before = now;
      const delayMs = Math.max(0, delay.percentile(99) / 1e6 - PROBE_MS);
      delay.reset();
      show(
        [
          `${service.openConnections} connections`,
          `${service.calls} calls`,
          `${rate.toFixed(rate < 1_000 ? 1 : 0)} calls/s`,
          `p99 ${latencies.p99Ms?.toFixed(2) ?? "-"} ms`,
          `loop delay ${delayMs.toFixed(2)} ms`,
        ].join("  "),
      );
    }
  } finally {
    delay.disable();
    if (stdout.isTTY) stdout.write(CLEAR_LINE);
  }
}

const CLEAR_LINE = "\r\u001b[K";

function show(line: string): void {
  // A line that wraps cannot be rewritten. The last columns are for the ^C that a terminal writes at the cursor.
  if (stdout.isTTY) stdout.write(`${CLEAR_LINE}${line.slice(0, (stdout.columns || 80) - 3)}`);
  else stdout.write(`${line}\n`);
}
