/**
 * What the benchmarks found, and how it is printed.
 *
 * A comparison is the median of the ratios taken within the rounds, never a
 * ratio of two figures from different times.
 */

import type { Samples } from "./harness.ts";

export interface Target {
  readonly kind: "at most" | "at least";
  readonly limit: number;
}

/** A line of a report: what was measured, and how it compares where a target exists. */
export interface Finding {
  readonly what: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly unit: string;
  readonly target?: Target;
}

export interface Section {
  readonly title: string;
  /** What the rows mean, a sentence a line. */
  readonly notes: readonly string[];
  /** Absolutes: context for the ratios, worth nothing on another machine. */
  readonly absolutes: readonly Finding[];
  readonly comparisons: readonly Finding[];
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError("quantile of no values");
  return below + (above - below) * (position - Math.floor(position));
}

/** Median and quartiles of one contender's figures. */
export function summarize(samples: Samples, unit: string, target?: Target): Finding {
  return describe(samples.name, samples.values, unit, target);
}

/** How many times `subject` is of `base`, round by round. */
export function compare(what: string, subject: Samples, base: Samples, target?: Target): Finding {
  const ratios = subject.values.map((value, round) => value / (base.values[round] ?? Number.NaN));
  return describe(what, ratios, "x", target);
}

export function verdict(finding: Finding): "PASS" | "MISS" | "" {
  if (finding.target === undefined) return "";
  const { kind, limit } = finding.target;
  const isMet = kind === "at most" ? finding.value <= limit : finding.value >= limit;
  return isMet ? "PASS" : "MISS";
}

export function samplesOf(all: readonly Samples[], name: string): Samples {
  const found = all.find((samples) => samples.name === name);
  if (found === undefined) throw new Error(`no samples named "${name}"`);
  return found;
}

export function printSection(section: Section): void {
  console.log(`\n${section.title}\n${"=".repeat(section.title.length)}`);
  for (const note of section.notes) console.log(note);
  console.log("");
  printTable([
    ["in this run", "median", "quartiles", ""],
    ...section.absolutes.map((finding) => [finding.what, figure(finding.value), spread(finding), finding.unit]),
  ]);
  console.log("");
  printTable([
    ["compared", "median", "quartiles", "target", "verdict"],
    ...section.comparisons.map((finding) => [
      finding.what,
      figure(finding.value),
      spread(finding),
      finding.target === undefined ? "" : `${finding.target.kind} ${finding.target.limit}`,
      verdict(finding),
    ]),
  ]);
}

function describe(what: string, values: readonly number[], unit: string, target: Target | undefined): Finding {
  const [value, low, high] = [quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75)];
  return { what, value, low, high, unit, ...(target === undefined ? {} : { target }) };
}

function figure(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function spread(finding: Finding): string {
  return finding.low === finding.high ? "" : `${figure(finding.low)} to ${figure(finding.high)}`;
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  rows.forEach((row, index) => {
    console.log(`  ${row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join("  ")}`.trimEnd());
    if (index === 0) console.log(`  ${widths.map((width) => "-".repeat(width)).join("  ")}`);
  });
}

/** Names and verdicts stand left, figures right. */
function pad(cell: string, width: number, column: number): string {
  return column === 1 || column === 2 ? cell.padStart(width) : cell.padEnd(width);
}
