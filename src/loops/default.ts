/** Makes Node's loop the one of code outside of `run`, and the default of `run`. Imported by every public entry. */
import { installDefaultLoop } from "../kernel/ports.ts";
import { NodeLoop } from "./node/loop.ts";

installDefaultLoop(new NodeLoop());
