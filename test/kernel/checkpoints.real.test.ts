import test from "node:test";
import { channel, checkpoint, Event, run, sleep, taskGroup } from "coppice";

test("an endless ping-pong over channels lets setImmediate and setTimeout of the host run", () =>
  run(async () => {
    let immediates = 0;
    let hasTimerRung = false;
    const count = (): void => {
      if (++immediates < 3) setImmediate(count);
    };
    setImmediate(count);
    setTimeout(() => {
      hasTimerRung = true;
    }, 1);
    await taskGroup((group) => {
      const [ping, pinged] = channel<number>(0);
      const [pong, ponged] = channel<number>(0);
      group.spawn(async () => {
        // Goes on for ever if the tasks keep the event loop to themselves.
        while (immediates < 3 || !hasTimerRung) {
          await ping.send(1);
          await ponged.receive();
        }
        ping.close();
      });
      group.spawn(async () => {
        for await (const value of pinged) await pong.send(value);
      });
    });
  }));

for (const [name, wait] of [
  ["checkpoint", checkpoint],
  [
    "event.wait of a set event",
    (() => {
      const event = new Event();
      event.set();
      return () => event.wait();
    })(),
  ],
] as const) {
  test(`a loop of ${name} lets a sibling's sleep end`, () =>
    run(async () => {
      await taskGroup(async (group) => {
        let isOver = false;
        group.spawn(async () => {
          await sleep(10);
          isOver = true;
        });
        while (!isOver) await wait();
      });
    }));
}

test("a loop that awaits a settled task lets the host's timers run", () =>
  run(async () => {
    await taskGroup(async (group) => {
      const task = group.spawn(() => {});
      let isOver = false;
      setTimeout(() => {
        isOver = true;
      }, 10);
      while (!isOver) await task;
    });
  }));

test("a loop that spawns and joins lets the host's timers run", () =>
  run(async () => {
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 10);
    while (!isOver) {
      await taskGroup(async (group) => {
        await group.spawn(() => {});
      });
    }
  }));
