/**
 * Makes Node's loop the one of code outside of `run`, and the default of `run`. Imported by every public entry.
 *
 * Debug mode is another module, of which the kernel knows nothing: it is read from disk when it is first asked for, at once where the
 * environment does (`COPPICE_DEBUG=1`), so that what blocks in the first moment is seen.
 */
import { instruments } from "../kernel/instrument.ts";
import { defaultLoop, installDefaultLoop } from "../kernel/ports.ts";
import { NodeLoop } from "./node/loop.ts";

installDefaultLoop(new NodeLoop());

// With the same ending as this file: the source, or what it was compiled to.
instruments.load = () =>
  process.getBuiltinModule("module").createRequire(import.meta.url)(`./node/debug${import.meta.url.slice(-3)}`).debug;

if (Number(process.env.COPPICE_DEBUG) > 0) {
  try {
    instruments.load().watch();
  } catch (cause) {
    defaultLoop().warn(`no debug mode: ${cause}`, "COPPICE_NO_DEBUG");
  }
}
