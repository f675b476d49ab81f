/** Tasks that wait for a condition, and those who notify them. */
import type { Condition, Task, TaskGroup } from "coppice";

/** Starts a task that waits, and notes in `log` that it went on. */
export function spawnWaiter(group: TaskGroup, condition: Condition, log: string[], name: string): Task<void> {
  return group.spawn(
    async () => {
      using _ = await condition.lock.acquire();
      await condition.wait();
      log.push(name);
    },
    { name },
  );
}

export async function withLock(condition: Condition, act: () => unknown): Promise<void> {
  using _ = await condition.lock.acquire();
  await act();
}
