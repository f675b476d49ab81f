/** The event loop that the first argument names, so that one server is measured on each. */

import type { Loop } from "coppice";

export async function chosenLoop(): Promise<Loop> {
  const { NodeLoop, SelectorLoop } = await import("coppice/loop");
  switch (process.argv[2]) {
    case "node":
      return new NodeLoop();
    case "selector":
      return new SelectorLoop();
    default:
      throw new RangeError(`unknown loop ${JSON.stringify(process.argv[2])}: use node or selector`);
  }
}
