/** Frames and what stands between them, in one piece of memory. */
import { writeFrame } from "./frame-text.ts";
import type { Frame } from "./framing.ts";

/** `parts` one after the other; `bytes` is how many they have. */
export function joinFrames(parts: readonly Frame[], bytes: number): Uint8Array {
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) at += writeFrame(joined, part, at);
  return joined;
}
