/** A wire between two streams that counts, cuts, and changes what goes over it. */
import { BrokenError, ClosedError, checkpoint, taskGroup } from "coppice";
import { type ByteStream, memoryPair } from "coppice/net";

export interface Wire {
  /** Bytes so far, by who sent them. */
  readonly sent: { left: number; right: number };
}

/** What becomes of a chunk. After `last` that direction ends, in order or by a reset of the whole wire. */
export type Change = (
  bytes: Uint8Array,
  from: "left" | "right",
  before: number,
) => Uint8Array | { readonly last: Uint8Array; readonly isReset: boolean };

/** Calls `body` with two ends that are connected by a wire on which `change` is applied; whatever is left open is aborted. */
export async function withWire<T>(
  change: Change,
  body: (left: ByteStream, right: ByteStream, wire: Wire) => Promise<T>,
): Promise<T> {
  const [left, leftOnWire] = memoryPair();
  const [right, rightOnWire] = memoryPair();
  const wire = { sent: { left: 0, right: 0 } };
  return taskGroup(async (group) => {
    const carry = async (from: "left" | "right", source: ByteStream, target: ByteStream): Promise<void> => {
      try {
        for await (const bytes of source) {
          const changed = change(bytes, from, wire.sent[from]);
          wire.sent[from] += bytes.length;
          if (changed instanceof Uint8Array) {
            await target.send(changed);
            continue;
          }
          await target.send(changed.last);
          if (!changed.isReset) break;
          await checkpoint();
          source.abort();
          target.abort();
          return;
        }
        await target.sendEof();
      } catch (error) {
        if (!(error instanceof BrokenError || error instanceof ClosedError)) throw error;
        target.abort();
      }
    };
    group.spawn(() => carry("left", leftOnWire, rightOnWire), { background: true });
    group.spawn(() => carry("right", rightOnWire, leftOnWire), { background: true });
    try {
      return await body(left, right, wire);
    } finally {
      for (const end of [left, right, leftOnWire, rightOnWire]) end.abort();
    }
  });
}
