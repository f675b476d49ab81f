/** What the host is busy with, which a virtual loop cannot see: said in its report of a deadlock, which it may not be. */

/** In the words of a report; the rest are named as Node names them. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^FS|^File/, "a file operation"],
  [/^GetAddrInfo|^GetNameInfo|^QueryReq|DNS/i, "a name lookup"],
  [/^TCP|^TLS|^UDP|^ConnectWrap|^PipeConnect|^Pipe|^SendWrap|^WriteWrap|^ShutdownWrap/, "a socket or pipe"],
  [/^Process/, "a child process"],
  [/^Worker|^MessagePort/, "a worker"],
  [/^Timeout$/, "a timer of the host (with hostTimers, timers follow virtual time)"],
];

export type Activity = ReadonlyMap<string, number>;

/** What is going on now, by kind. */
export function hostActivity(): Activity {
  const found = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (name === "Immediate") continue;
    const kind = KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? name;
    found.set(kind, (found.get(kind) ?? 0) + 1);
  }
  return found;
}

/** What has come since `before`, in words. */
export function newActivity(before: Activity): string | undefined {
  const kinds = Array.from(hostActivity()).filter(([kind, count]) => count > (before.get(kind) ?? 0));
  return kinds.length === 0 ? undefined : kinds.map(([kind]) => kind).join(", ");
}
