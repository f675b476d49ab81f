/** Frames in and out of a decoder, and bytes cut into pieces. */
import assert from "node:assert/strict";
import { FrameError } from "coppice";
import type { FrameDecoder, Framing } from "coppice/net";

/** All complete frames, as text, of what has been pushed. */
export function texts(decoder: FrameDecoder): string[] {
  const found: string[] = [];
  for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) found.push(text);
  return found;
}

/** The same by way of `next`. Each byte is a character. */
export function views(decoder: FrameDecoder): string[] {
  const found: string[] = [];
  for (let view = decoder.next(); view !== undefined; view = decoder.next()) found.push(latin1(view));
  return found;
}

/** All frames of `chunks` up to their end. */
export function decodeAll(framing: Framing, chunks: readonly Uint8Array[], take = texts): string[] {
  const decoder = framing.decoder();
  const found: string[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    found.push(...take(decoder));
  }
  decoder.end();
  found.push(...take(decoder));
  return found;
}

/** What became of `chunks`: the frames, byte by byte, and the message of the `FrameError` that ended them, if one did. */
export function outcomeOf(framing: Framing, chunks: readonly Uint8Array[]): { frames: string[]; error?: string } {
  const frames: string[] = [];
  try {
    const decoder = framing.decoder();
    const takeAll = (): void => {
      for (let view = decoder.next(); view !== undefined; view = decoder.next()) frames.push(latin1(view));
    };
    for (const chunk of chunks) {
      decoder.push(chunk);
      takeAll();
    }
    decoder.end();
    takeAll();
    return { frames };
  } catch (error) {
    assert.ok(error instanceof FrameError, `expected a FrameError, got ${String(error)}`);
    return { frames, error: error.message };
  }
}

/** `bytes` in pieces that end at `cuts`; each piece has memory of its own, as received bytes do. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.slice(ends[index - 1] ?? 0, end));
}

/** `bytes` in as many pieces as there are bytes. */
export function single(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

export function frameError(run: () => unknown): FrameError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof FrameError, `expected a FrameError, got ${String(error)}`);
    return error;
  }
  return assert.fail("expected a FrameError");
}
