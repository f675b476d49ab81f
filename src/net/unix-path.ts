/**
 * The names of Unix sockets: a path in the file system, or, on Linux, an abstract name, which begins with a zero byte and is no file.
 */
import { describe } from "../kernel/check-function.ts";

const encoder = new TextEncoder();

/** What fits into the system's structure for an address, with the byte that ends it. (On macOS 4 bytes fewer; there the system says so.) */
const MAX_PATH_BYTES = 107;

/** What is wrong with `path`, or `undefined`. */
export function checkPath(path: string): RangeError | undefined {
  if (typeof path !== "string" || path === "") {
    return new RangeError(`expected a path that is not empty, got ${describe(path)}`);
  }
  if (path.includes("\0", 1)) return new RangeError("the path has a zero byte in it");
  const { length } = encoder.encode(path);
  if (length <= MAX_PATH_BYTES) return undefined;
  return new RangeError(
    `the path is ${length} bytes long, and a Unix socket's can have ${MAX_PATH_BYTES}: choose a shorter one, or a relative one`,
  );
}

/** As messages show it: an abstract name with the `@` that system tools put for the zero byte. */
export function shownPath(path: string): string {
  if (typeof path !== "string" || path === "") return "a Unix socket";
  return path.startsWith("\0") ? `@${path.slice(1)}` : path;
}
