/** The waits of what reads streams, for the table in `waits.ts`: each has a part of what it waits for when it begins. */
import { BufferedReader, lines, readFrames } from "coppice/net";
import { connected } from "./noting-transport.ts";
import type { Wait } from "./wait.ts";

/** A stream to which "wai" has come; then comes "t\n". */
function reading(name: string, read: (reader: BufferedReader) => PromiseLike<unknown>, value: unknown): Wait {
  return {
    name,
    open: () => {
      const { stream } = connected();
      const reader = new BufferedReader(stream);
      stream.dataReceived(Buffer.from("wai"));
      return { wait: () => read(reader), wake: () => stream.dataReceived(Buffer.from("t\n")), value, end: () => {} };
    },
  };
}

/** Values are compared by identity, so bytes are compared as text. */
async function text(bytes: Promise<Uint8Array>): Promise<string> {
  return Buffer.from(await bytes).toString();
}

export const readerWaits: readonly Wait[] = [
  reading("reader.readExactly", (reader) => text(reader.readExactly(5)), "wait\n"),
  reading("reader.readUntil", (reader) => text(reader.readUntil("t\n")), "wait\n"),
  reading("reader.readLine", (reader) => reader.readLine(), "wait"),
  {
    name: "reader.peek",
    open: () => {
      const { stream } = connected();
      const reader = new BufferedReader(stream);
      const wake = (): void => stream.dataReceived(Buffer.from("wait"));
      return { wait: () => text(reader.peek(4)), wake, value: "wait", end: () => {} };
    },
  },
  {
    name: "reader.readAll",
    open: () => {
      const { stream } = connected();
      const reader = new BufferedReader(stream);
      stream.dataReceived(Buffer.from("all"));
      return {
        wait: () => text(reader.readAll()),
        wake: () => stream.eofReceived(),
        value: "all",
        end: () => {},
      };
    },
  },
  {
    name: "frames.receiveText",
    open: () => {
      const { stream } = connected();
      const frames = readFrames(stream, lines());
      stream.dataReceived(Buffer.from("wai"));
      const wake = (): void => stream.dataReceived(Buffer.from("t\n"));
      return { wait: () => frames.receiveText(), wake, value: "wait", end: () => {} };
    },
  },
];
