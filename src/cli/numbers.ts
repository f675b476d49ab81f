/** Numbers as people read them. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `52,310` */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `1 call`, `1,204 calls` */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `0.25 s`, `12.3 s`: three digits that count. */
export function formatSeconds(ms: number): string {
  return `${digits(ms / 1_000)} s`;
}

/** `0.412 ms`; a dash for what nobody measured. */
export function formatMs(ms: number | undefined): string {
  return ms === undefined ? "-" : `${digits(ms)} ms`;
}

function digits(value: number): string {
  if (value >= 1_000) return formatCount(value);
  return String(Number(value.toPrecision(3)));
}
