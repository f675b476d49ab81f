/**
 * `coppice bench`: load on a service, shown while it runs and summed up at the end, also if it was cut off.
 */
import process from "node:process";
import type { SocketAddress } from "../kernel/addresses.ts";
import { currentLoop } from "../kernel/scope.ts";
import { sleep } from "../kernel/sleep.ts";
import { taskGroup } from "../kernel/task-group.ts";
import { formatEndpoint } from "../rpc/endpoint.ts";
import type { Params } from "../rpc/messages.ts";
import { Load } from "./bench-load.ts";
import { formatSummary, summaryAsJson } from "./bench-summary.ts";
import { FAILED } from "./exit-codes.ts";
import { LiveLine } from "./live-line.ts";
import { formatCount, formatMs, formatSeconds } from "./numbers.ts";
import { print } from "./output.ts";

export interface BenchOptions {
  readonly address: SocketAddress;
  readonly connections: number;
  readonly pipeline: number;
  readonly durationMs: number;
  readonly method: string;
  readonly params: Params | undefined;
  /** Whether the summary is JSON, and nothing else is shown. */
  readonly isJson: boolean;
}

const LIVE_INTERVAL_MS = 500;

export async function bench({ address, isJson, ...options }: BenchOptions): Promise<void> {
  const load = new Load({ ...options, url: formatEndpoint(address) });
  const line = new LiveLine(process.stdout);
  try {
    await taskGroup(async (group) => {
      const watch = group.spawn(() => (line.isLive && !isJson ? showLive(load, line) : undefined), {
        name: "live line",
      });
      await load.run();
      watch.cancel("the load is over");
    });
  } finally {
    line.clear();
    if (load.hasBegun) print(isJson ? summaryAsJson(load) : formatSummary(load));
  }
  if (load.errors.size > 0) process.exitCode = FAILED;
}

async function showLive(load: Load, line: LiveLine): Promise<void> {
  const loop = currentLoop();
  let before = { at: loop.time(), requests: 0 };
  for (;;) {
    await sleep(LIVE_INTERVAL_MS);
    const now = { at: loop.time(), requests: load.latencies.count };
    const rate = ((now.requests - before.requests) * 1_000) / (now.at - before.at);
    before = now;
    const elapsed = `${formatSeconds(Math.round(load.elapsedMs / 100) * 100)} of ${formatSeconds(load.options.durationMs)}`;
    const p99 = formatMs(load.latencies.quantileMs(0.99));
    line.show(
      load.hasBegun
        ? `${elapsed}  ${formatCount(rate)} requests/s  ${formatCount(load.inFlight)} in flight  p99 ${p99}`
        : `connecting to ${load.options.url}`,
    );
  }
}
