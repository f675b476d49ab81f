/** A performance: commands on one side, sound on the other, and a task for each chord in between. `play.ts` says what the commands are. */
import { BrokenError, type CancelScope, cancelScope, currentScope, sleep, type TaskGroup, taskGroup } from "coppice";
import type { SendStream } from "coppice/net";
import { type Command, CommandError, millisecondsOf, obey } from "../terminal/commands.ts";
import { Player } from "./player.ts";
import { Synthesizer } from "./synthesizer.ts";

const BEEP_NOTE = "A5";
const BEEP_MS = 200;

/** Carries out the commands of `lines` and sends what is to be heard, until the commands and their chords have ended. A checkpoint. */
export async function perform(
  lines: AsyncIterable<string>,
  stream: SendStream,
  complain: (problem: string) => void,
): Promise<void> {
  const player = new Player(new Synthesizer());
  try {
    await taskGroup(async (group) => {
      const playing = group.spawn(() => player.playTo(stream), { name: "player" });
      await cancelScope(async (performance) => {
        group.spawn(() => cancelWhenStopping(performance), { background: true });
        await taskGroup(async (chords) => {
          const hasQuit = await obey(lines, commandsOf(player, chords), complain);
          if (hasQuit) chords.cancelAll("quit");
        });
      });
      playing.cancel("the end");
    });
    await player.flush(stream);
  } catch (error) {
    // Nobody listens any more.
    if (!(error instanceof BrokenError)) throw error;
  }
}

function commandsOf(player: Player, chords: TaskGroup): Record<string, Command> {
  const sound = (ms: number, notes: readonly string[]) => {
    const holder = Symbol();
    // Now, so that a note that does not exist is the mistake of this command.
    player.change((synthesizer) => {
      for (const note of notes) synthesizer.add(note, holder);
    });
    chords.spawn(async () => {
      try {
        await sleep(ms);
      } finally {
        player.change((synthesizer) => {
          for (const note of notes) synthesizer.remove(note, holder);
        });
      }
    });
  };
  return {
    add: (notes) =>
      player.change((synthesizer) => {
        for (const note of notes) synthesizer.add(note);
      }),
    remove: (notes) => {
      for (const note of notes) {
        const wasHeld = player.change((synthesizer) => synthesizer.remove(note));
        if (!wasHeld) throw new CommandError(`${note} was not added`);
      }
    },
    chord: ([seconds, ...notes]) => sound(millisecondsOf(seconds), notes),
    beep: () => sound(BEEP_MS, [BEEP_NOTE]),
    wait: ([seconds]) => sleep(millisecondsOf(seconds)),
  };
}

async function cancelWhenStopping(scope: CancelScope): Promise<void> {
  await currentScope().whenStopping();
  scope.cancel("stopping");
}
