/**
 * Waiting for one event.
 */
import { waitForCall } from "./call-waiter.ts";
import { type EmitterLike, Listeners, type TargetLike } from "./listeners.ts";

/**
 * Waits for the next event named `name`: gives the arguments of an emitter's event as an array, or the event of an event target. It
 * listens from the call on; what happened earlier is not seen (look at `signal.aborted` first, say). For a series of events use
 * `openEvents`, which misses none in between.
 *
 * Always a checkpoint. Its listeners are removed however the wait ends.
 *
 * @throws what an emitter emits as "error" meanwhile, unless `name` is "error".
 * @throws TypeError if `source` neither is nor looks like an `EventEmitter` or an `EventTarget`.
 *
 * @example
 * ```ts
 * await nextEvent(server, "listening");
 * const [code] = await withTimeout(5_000, () => nextEvent<[code: number]>(child, "exit"));
 * const message = await nextEvent<MessageEvent>(webSocket, "message");
 * ```
 */
export function nextEvent<Arguments extends unknown[] = unknown[]>(
  source: EmitterLike,
  name: string | symbol,
): Promise<Arguments>;
export function nextEvent<E extends object = globalThis.Event>(source: TargetLike, name: string): Promise<E>;
export function nextEvent(source: EmitterLike | TargetLike, name: string | symbol): Promise<unknown> {
  return waitForCall<unknown>((ending) => {
    const listeners = new Listeners("nextEvent", source);
    const remove = (): void => listeners.remove();
    try {
      listeners.add(name, (value) => {
        remove();
        ending.succeed(value);
      });
      if (name !== "error") {
        listeners.addFailure((error) => {
          remove();
          ending.failWith(error);
        });
      }
    } catch (error) {
      remove();
      throw error;
    }
    return remove;
  });
}
