/** Tests without waiting: virtual time, seeded order, a network in memory. */
import "./loops/default.ts";

export { VirtualLoop, type VirtualLoopOptions } from "./loops/virtual/loop.ts";
export { virtualRun, waitAllTasksBlocked } from "./testing/virtual-run.ts";
