/**
 * Those who want to know how a task or a future ends, in the order in which they came: mostly nobody, or one. So they are kept
 * as nothing, as the one, or as a set, in a field that holds the outcome afterwards: a parked task must cost little.
 */

export interface OutcomeListener {
  /**
   * It is settled, and nothing can take the outcome from this listener any more. Says whether the listener counts
   * as somebody who has seen the outcome.
   */
  claim(): boolean;
  /** Called in the same moment, when every listener has been claimed. */
  claimed(): void;
  /** Called after every listener has been claimed. */
  run(hasFailed: boolean, outcome: unknown): void;
}

export type OutcomeListeners = OutcomeListener | Set<OutcomeListener> | null;

export function withListener(listeners: OutcomeListeners, listener: OutcomeListener): OutcomeListeners {
  if (listeners === null) return listener;
  if (listeners instanceof Set) return listeners.add(listener);
  return new Set([listeners, listener]);
}

export function withoutListener(listeners: OutcomeListeners, listener: OutcomeListener): OutcomeListeners {
  if (listeners === listener) return null;
  if (listeners instanceof Set) listeners.delete(listener);
  return listeners;
}

/** Says whether anybody has thereby seen the outcome. */
export function claimAll(listeners: OutcomeListeners): boolean {
  if (listeners === null) return false;
  if (!(listeners instanceof Set)) {
    const isSeen = listeners.claim();
    listeners.claimed();
    return isSeen;
  }
  let isSeen = false;
  for (const listener of listeners) if (listener.claim()) isSeen = true;
  for (const listener of listeners) listener.claimed();
  return isSeen;
}

export function runAll(listeners: OutcomeListeners, hasFailed: boolean, outcome: unknown): void {
  if (listeners === null) return;
  if (!(listeners instanceof Set)) listeners.run(hasFailed, outcome);
  else for (const listener of listeners) listener.run(hasFailed, outcome);
}

/** Calls `callback`, in the asynchronous context of this call, in a microtask after the outcome is known. */
export class DoneCallback implements OutcomeListener {
  #tell!: () => void;

  constructor(callback: () => void) {
    const told = new Promise<void>((resolve) => {
      this.#tell = resolve;
    });
    // A callback that throws is an unhandled rejection, as nobody else could hear of it.
    void told.then(callback);
  }

  /** It hears that there is an outcome, and may never look at it. */
  claim(): boolean {
    return false;
  }

  claimed(): void {}

  run(): void {
    this.#tell();
  }
}
