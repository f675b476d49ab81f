/** Tests without waiting: virtual time, seeded order, a network in memory. */
import "./loops/default.ts";

export type { DatagramFaults } from "./loops/virtual/datagrams.ts";
export { VirtualLoop, type VirtualLoopOptions } from "./loops/virtual/loop.ts";
export type { MemoryNetwork, Route } from "./loops/virtual/network.ts";
export { assertCheckpoints, assertNoCheckpoints } from "./testing/checkpoints.ts";
export { type LeakGuardOptions, withLeakGuard } from "./testing/leak-guard.ts";
export { type Leak, LeakError } from "./testing/leaks/leak.ts";
export { Sequencer } from "./testing/sequencer.ts";
export {
  checkHalfCloseableStream,
  checkOneWayStream,
  checkTwoWayStream,
  type StreamCheckOptions,
} from "./testing/streams/check.ts";
export { lockstepOneWayPair, lockstepPair } from "./testing/streams/lockstep.ts";
export { type MemoryStreamHooks, memoryOneWayPair } from "./testing/streams/memory.ts";
export { type RealTestOptions, real, type VirtualTestOptions, virtual } from "./testing/test-wrapper.ts";
export { currentNetwork, type VirtualRunOptions, virtualRun, waitAllTasksBlocked } from "./testing/virtual-run.ts";
