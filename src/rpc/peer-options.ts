/**
 * What can be set about a peer. Checked once, before anything is opened: the connections of a server share one result, and with
 * it the report of failures, which is limited over all of them.
 */
import type { Framing } from "../streams/framing/framing.ts";
import { lengthPrefixed } from "../streams/framing/length-prefixed.ts";
import { createFailureReport } from "./failure-report.ts";
import { type Methods, type MethodTable, methodTable } from "./methods.ts";

export interface PeerOptions {
  /** What the other side may call. By default nothing. */
  readonly methods?: Methods;
  /** How messages are cut out of the bytes; by default `lengthPrefixed()`. */
  readonly framing?: Framing;
  /** How many requests of this connection are worked on at once, before it is read no further; by default 1,000. */
  readonly maxInFlight?: number;
  /** How many requests one batch may hold; by default 1,000. A longer one is answered with one error. */
  readonly maxBatchLength?: number;
  /**
   * Told of each error of a method that is no `RpcError`, of which the caller learns only "Internal error".
   * By default it becomes a process warning, at most one for each method in 10 s.
   */
  readonly onError?: (error: unknown, method: string) => void;
}

export interface PeerSettings {
  readonly methods: MethodTable;
  readonly framing: Framing;
  readonly maxInFlight: number;
  readonly maxBatchLength: number;
  readonly onError: (error: unknown, method: string) => void;
}

const MAX_IN_FLIGHT = 1_000;
const MAX_BATCH_LENGTH = 1_000;

/**
 * @throws TypeError if a method's name is reserved.
 * @throws RangeError if a limit is not a whole number of at least 1.
 */
export function peerSettings(options: PeerOptions): PeerSettings {
  return {
    methods: methodTable(options.methods ?? {}),
    framing: options.framing ?? lengthPrefixed(),
    maxInFlight: limit("maxInFlight", options.maxInFlight ?? MAX_IN_FLIGHT),
    maxBatchLength: limit("maxBatchLength", options.maxBatchLength ?? MAX_BATCH_LENGTH),
    onError: options.onError ?? createFailureReport(),
  };
}

function limit(name: string, value: number): number {
  if (value === Infinity || (Number.isInteger(value) && value >= 1)) return value;
  throw new RangeError(`${name}: expected a whole number of at least 1, got ${String(value)}`);
}
