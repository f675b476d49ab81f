/**
 * Texts of the command line as values. Each refusal says which option it is about, what was expected and what was given.
 */
import type { SocketAddress } from "../kernel/addresses.ts";
import { parseEndpoint } from "../rpc/endpoint.ts";
import type { Params } from "../rpc/messages.ts";
import { USAGE } from "./exit-codes.ts";
import { Failure } from "./failure.ts";

/**
 * Reads `text`, the value of the option or argument called `name`.
 * @throws Failure, a usage error, if it makes no sense.
 */
export type ParseValue<T> = (name: string, text: string) => T;

const LONGEST_SECONDS = 1_000_000;

export function wholeNumber(least: number, most: number): ParseValue<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return (name, text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw refuse(name, `a whole number ${range}`, text);
  };
}

/** Seconds, fractions allowed, as milliseconds. */
export function secondsAsMs(name: string, text: string): number {
  const value = Number(text);
  if (/^[0-9]*\.?[0-9]+$/.test(text) && value > 0 && value <= LONGEST_SECONDS) return value * 1_000;
  throw refuse(name, `seconds above 0, at most ${LONGEST_SECONDS}`, text);
}

/** `tcp://HOST:PORT` */
export function address(name: string, text: string): SocketAddress {
  try {
    return parseEndpoint(text);
  } catch (error) {
    throw new Failure(USAGE, `${name}: ${(error as Error).message}`);
  }
}

/** The params of a call: JSON, an array or an object. */
export function callParams(name: string, text: string): Params {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure(USAGE, `${name}: expected JSON such as [1, 2] or {"a": 1}: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null) return value as Params;
  throw refuse(name, "a JSON array (params by position) or object (params by name), such as [1, 2]", text);
}

function refuse(name: string, expected: string, got: string): Failure {
  return new Failure(USAGE, `${name}: expected ${expected}, got ${JSON.stringify(got)}`);
}
