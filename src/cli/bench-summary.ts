/**
 * What `coppice bench` found, for people and for programs.
 */
import type { LoadOptions } from "./bench-load.ts";
import { oneLine } from "./failure.ts";
import type { LatencyHistogram } from "./latency-histogram.ts";
import { countOf, formatCount, formatMs, formatSeconds } from "./numbers.ts";

export interface BenchResult {
  readonly options: LoadOptions;
  readonly elapsedMs: number;
  readonly latencies: LatencyHistogram;
  readonly errors: ReadonlyMap<string, number>;
}

const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 };

export function formatSummary(result: BenchResult): string {
  const { elapsedMs, errors, latencies, options } = result;
  const { connections, method, pipeline } = options;
  const quantiles = Object.entries(QUANTILES).map(([name, at]) => `${name} ${formatMs(latencies.quantileMs(at))}`);
  const max = formatMs(latencies.count === 0 ? undefined : latencies.maxMs);
  return [
    `${oneLine(method)} for ${formatSeconds(elapsedMs)} on ${countOf(connections, "connection")}, ${formatCount(pipeline)} in flight on each`,
    `  requests  ${formatCount(latencies.count)}, ${formatCount(ratePerSecond(result))} a second`,
    `  errors    ${formatErrors(errors)}`,
    `  latency   ${quantiles.join(", ")}, max ${max}`,
  ].join("\n");
}

export function summaryAsJson(result: BenchResult): string {
  const { elapsedMs, errors, latencies, options } = result;
  const quantile = (at: number): number | null => latencies.quantileMs(at) ?? null;
  return JSON.stringify({
    method: options.method,
    connections: options.connections,
    pipeline: options.pipeline,
    seconds: elapsedMs / 1_000,
    requests: latencies.count,
    requestsPerSecond: ratePerSecond(result),
    errors: Object.fromEntries(errors),
    latencyMs: {
      p50: quantile(QUANTILES.p50),
      p90: quantile(QUANTILES.p90),
      p99: quantile(QUANTILES.p99),
      max: latencies.count === 0 ? null : latencies.maxMs,
    },
  });
}

function ratePerSecond({ elapsedMs, latencies }: BenchResult): number {
  return elapsedMs === 0 ? 0 : (latencies.count * 1_000) / elapsedMs;
}

function formatErrors(errors: ReadonlyMap<string, number>): string {
  if (errors.size === 0) return "none";
  return [...errors].map(([kind, count]) => `${formatCount(count)} x ${oneLine(kind)}`).join(", ");
}
