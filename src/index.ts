/** Structured concurrency: tasks that always finish, cancel and clean up. */
import "./loops/default.ts";

export { type BroadcastSender, type BroadcastSource, broadcast, type Subscription } from "./channels/broadcast.ts";
export { channel } from "./channels/channel.ts";
export { fromReadable, fromWritable } from "./channels/from-streams.ts";
export type { ChannelOptions, ChannelStatistics, Overflow, Receiver, Sender } from "./channels/halves.ts";
export { LaggedError } from "./channels/lagged-error.ts";
export type { NodeReadable, NodeWritable } from "./channels/node-streams.ts";
export { LifoQueue, PriorityQueue, type PriorityQueueOptions, Queue } from "./channels/queue.ts";
export type { StreamReceiver } from "./channels/stream-receiver.ts";
export type { StreamSender } from "./channels/stream-sender.ts";
export { type StreamSink, type StreamSource, toReadableStream, toWritableStream } from "./channels/to-streams.ts";
export { type WatchReceiver, type WatchSender, watch } from "./channels/watch.ts";
export { all } from "./combinators/all.ts";
export { allSettled } from "./combinators/all-settled.ts";
export { any } from "./combinators/any.ts";
export { asCompleted } from "./combinators/as-completed.ts";
export type { Fn, Outcome, Outcomes } from "./combinators/functions.ts";
export { type GroupHandler, handleGroup } from "./combinators/handle-group.ts";
export { type IntervalOptions, interval } from "./combinators/interval.ts";
export { type MapOptions, map } from "./combinators/map.ts";
export { race } from "./combinators/race.ts";
export { type RateLimiter, type RateLimitOptions, rateLimit } from "./combinators/rate-limit.ts";
export { type RetryOptions, retry } from "./combinators/retry.ts";
export { Schedule } from "./combinators/schedule.ts";
export { type SelectCases, type Selected, select } from "./combinators/select.ts";
export {
  type AsyncContextManager,
  type AsyncManaged,
  type ContextManager,
  contextManager,
  type Managed,
} from "./coroutines/context-manager.ts";
export {
  type Coroutine,
  type CoroutineFunction,
  coroutine,
  isCoroutine,
  isCoroutineFunction,
} from "./coroutines/coroutine.ts";
export type { Feed, FeedInlet, FeedOptions } from "./edges/feed.ts";
export { type Done, fromCallback } from "./edges/from-callback.ts";
export { type IterateOptions, iterate } from "./edges/iterate.ts";
export type { EmitterLike, TargetLike } from "./edges/listeners.ts";
export { nextEvent } from "./edges/next-event.ts";
export { type EventsOptions, openEvents } from "./edges/open-events.ts";
export { openFeed } from "./edges/open-feed.ts";
export { OverflowError } from "./edges/overflow-error.ts";
export type { Iterated } from "./edges/source.ts";
export { Future, type FutureOptions } from "./futures/future.ts";
export { abortable } from "./kernel/abortable.ts";
export type { Returned } from "./kernel/body.ts";
export type { CancelScope } from "./kernel/cancel-scope.ts";
export { ContextVar, type ContextVarOptions, type Token } from "./kernel/context-var.ts";
export { ErrorGroup } from "./kernel/error-group.ts";
export {
  BrokenError,
  BusyError,
  Cancelled,
  ClosedError,
  DeadlockError,
  EndOfChannel,
  InvalidStateError,
  isCancelled,
  suppressedErrors,
  TimeoutError,
} from "./kernel/errors.ts";
export type { FutureLike, Handover } from "./kernel/future-like.ts";
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
export { until, type Waitable } from "./kernel/until.ts";
export { type MainOptions, main } from "./process/main.ts";
export { ConnectError, FrameError, ListenError } from "./streams/errors.ts";
export { Barrier, type BarrierStatistics } from "./sync/barrier.ts";
export { CapacityLimiter, type CapacityLimiterOptions } from "./sync/capacity-limiter.ts";
export { Condition, type ConditionStatistics } from "./sync/condition.ts";
export { Event } from "./sync/event.ts";
export { Latch } from "./sync/latch.ts";
export type { CapacityLimiterStatistics } from "./sync/loans.ts";
export { Lock, type LockOptions, type LockStatistics } from "./sync/lock.ts";
export { once } from "./sync/once.ts";
export { RwLock } from "./sync/rw-lock.ts";
export type { RwLockStatistics } from "./sync/rw-lock-state.ts";
export { Semaphore, type SemaphoreOptions, type SemaphoreStatistics } from "./sync/semaphore.ts";
