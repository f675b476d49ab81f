/**
 * A socket of `node:net` as a transport uses it: what it reads into, and whom it tells.
 *
 * All sockets read into one buffer, from which each chunk is copied out (`onread`): otherwise Node makes a buffer of 64 KiB for each
 * read, however little comes, which costs a small request about 12 %. A socket that reads much at a time is given a slab of its own,
 * from which the chunks are cut without a copy; a small read, or its end, takes that back. Slabs are few, because one that is idle
 * holds its memory; those who find none copy.
 *
 *   reads into the shared buffer --a large read, a slab is free--> into a slab of its own --a small read--> the shared buffer
 *
 * An idle connection should cost little besides Node's socket: what listens to the socket are functions that all sockets share, and
 * that find its owner by `this`.
 */
import net from "node:net";

const SHARED_BYTES = 256 * 1024;
const SLAB_BYTES = 256 * 1024;
/** How many sockets may have a slab at a time. */
const MAX_SLABS = 64;
/** What a large read is. */
const LARGE_BYTES = 8 * 1024;
/** A slab with less than this left is used up: a read should find room for all that has come. */
const LEAST_ROOM_BYTES = 64 * 1024;
/** From this size on a copied chunk has memory of its own: cut from Node's pool, chunks in flight would keep four times as much alive, which the collector pays for. */
const OWN_MEMORY_BYTES = 4 * 1024;

const sharedBuffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
let slabs = 0;

/** Whom a socket tells what happens. */
export interface SocketOwner {
  received(bytes: Uint8Array): void;
  ended(): void;
  drained(): void;
  failed(error: Error): void;
  /** About to be gone: the last moment to ask the system about it. */
  keepAddress(): void;
  closed(): void;
}

export class TransportSocket extends net.Socket {
  owner: SocketOwner | undefined = undefined;
  hasSlab = false;

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.owner?.keepAddress();
    returnSlab(this);
    super._destroy(error, callback);
  }
}

/** Makes a socket, also one that Node has made, tell `owner` what happens. */
export function giveTo(owner: SocketOwner, socket: TransportSocket): void {
  socket.owner = owner;
  socket.on("error", onError);
  socket.on("close", onClose);
  socket.on("end", onEnd);
  socket.on("drain", onDrain);
}

/** What the socket whose callback has just returned reads into next; `undefined` for where it has been reading. */
let nextBuffer: Uint8Array | undefined;
let hasRead = false;

/** The `onread` option of a `TransportSocket`. Node calls the callback as a method of the socket, and then asks for the next buffer. */
export const intoSharedBuffer: net.OnReadOpts = {
  // The types do not know that there may be no next one.
  buffer: ((): Uint8Array | undefined => {
    if (!hasRead) return sharedBuffer;
    hasRead = false;
    return nextBuffer;
  }) as () => Uint8Array,

  callback(this: TransportSocket, count: number, buffer: Uint8Array): boolean {
    let next: Uint8Array | undefined;
    let bytes: Uint8Array;
    if (this.hasSlab && count >= LARGE_BYTES) {
      bytes = buffer.subarray(0, count);
      next = buffer.length - count >= LEAST_ROOM_BYTES ? buffer.subarray(count) : Buffer.allocUnsafeSlow(SLAB_BYTES);
    } else {
      bytes = copied(buffer, count);
      if (this.hasSlab) {
        returnSlab(this);
        next = sharedBuffer;
      } else if (count >= LARGE_BYTES && slabs < MAX_SLABS && !this.destroyed) {
        slabs++;
        this.hasSlab = true;
        next = Buffer.allocUnsafeSlow(SLAB_BYTES);
      }
    }
    this.owner?.received(bytes);
    // Only now: whoever was told may have opened a socket, which asked for its first buffer.
    nextBuffer = next;
    hasRead = true;
    return true;
  },
};

function copied(buffer: Uint8Array, count: number): Uint8Array {
  const bytes = count < OWN_MEMORY_BYTES ? Buffer.allocUnsafe(count) : Buffer.allocUnsafeSlow(count);
  bytes.set(count === buffer.length ? buffer : buffer.subarray(0, count));
  return bytes;
}

function returnSlab(socket: TransportSocket): void {
  if (!socket.hasSlab) return;
  socket.hasSlab = false;
  slabs--;
}

function onError(this: TransportSocket, error: Error): void {
  this.owner?.failed(error);
}

function onClose(this: TransportSocket): void {
  this.owner?.closed();
}

function onEnd(this: TransportSocket): void {
  this.owner?.ended();
}

function onDrain(this: TransportSocket): void {
  this.owner?.drained();
}
