/** Structured concurrency: tasks that always finish, cancel and clean up. */
import "./loops/default.ts";

export { channel, type Receiver, type Sender } from "./channels/channel.ts";
export { abortable } from "./kernel/abortable.ts";
export type { CancelScope } from "./kernel/cancel-scope.ts";
export { ErrorGroup, type GroupHandler, handleGroup } from "./kernel/error-group.ts";
export {
  BrokenError,
  BusyError,
  Cancelled,
  ClosedError,
  ConnectError,
  DeadlockError,
  EndOfChannel,
  FrameError,
  InvalidStateError,
  isCancelled,
  ListenError,
  suppressedErrors,
  TimeoutError,
} from "./kernel/errors.ts";
export type { SpawnOptions, TaskGroup } from "./kernel/group.ts";
export type { Loop } from "./kernel/ports.ts";
export { type RunOptions, run } from "./kernel/run.ts";
export { currentLoop, currentScope } from "./kernel/scope.ts";
export {
  type CancelScopeOptions,
  cancelScope,
  moveOnAfter,
  type ShieldOptions,
  shield,
  withTimeout,
} from "./kernel/scopes.ts";
export { checkpoint, sleep, sleepForever } from "./kernel/sleep.ts";
export { supervisor } from "./kernel/supervisor.ts";
export { currentTask, type Task } from "./kernel/task.ts";
export { taskGroup } from "./kernel/task-group.ts";
export { until } from "./kernel/until.ts";
export { type MainOptions, main } from "./process/main.ts";
export { Event } from "./sync/event.ts";
