/**
 * Ctrl-C as an event: the first asks for an end in order, the second cuts everything off.
 *
 * `main` does this for a program whose parts may all be told at once. Here the clients come first: a server that
 * stops closes the connections on which it has nothing to answer, and would overtake a call that is on its way.
 */
import { cancelScope, Event } from "coppice";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs `body`; the event it is given is set by the first signal. False if a second one cut the body off. */
export async function interruptible(body: (interrupted: Event) => Promise<void>): Promise<boolean> {
  const interrupted = new Event();
  let hasEnded = false;
  await cancelScope(async (scope) => {
    const onSignal = (): void => {
      if (interrupted.isSet) scope.cancel("interrupted a second time");
      interrupted.set();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    try {
      await body(interrupted);
      hasEnded = true;
    } finally {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    }
  });
  return hasEnded;
}
