/** A garbage collection on demand, for tests of what is kept. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects; what nobody holds any more is gone afterwards. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // A `WeakRef` holds its target until the end of the turn that made it.
  await new Promise(setImmediate);
  collect();
  await new Promise(setImmediate);
  collect();
}
