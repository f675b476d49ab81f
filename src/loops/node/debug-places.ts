/** Places in the user's code, taken from stacks: cheap to capture, formatted when somebody asks. */

/** A stack: as an error that holds it, or as lines. */
export type Place = { readonly stack?: string } | readonly string[];

/** How deep a stack is looked at: the library's own frames are on top of the user's. */
const DEPTH = 40;
/** How many frames of the user a report shows. */
const MAX_FRAMES = 8;

/** Where the library is, as stack frames name it. */
const LIBRARY = new URL("../..", import.meta.url).pathname;

/** The stack below `above`. */
export function capturePlace(above: (...args: never[]) => unknown): Place {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, above);
  Error.stackTraceLimit = limit;
  return holder;
}

/** The user's frames of a stack. */
export function userFrames(place: Place): string[] {
  const lines = Array.isArray(place)
    ? (place as readonly string[])
    : ((place as { stack?: string }).stack ?? "").split("\n");
  return lines
    .filter((line) => /^\s+at /.test(line) && !line.includes(LIBRARY) && !line.includes("node:"))
    .slice(0, MAX_FRAMES);
}

/** A place as it is added to a message. Empty where no frame is the user's. */
export function placeText(title: string, place: Place): string {
  const frames = userFrames(place);
  return frames.length === 0 ? "" : `\n  ${title}\n${frames.join("\n")}`;
}
