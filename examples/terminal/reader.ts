/**
 * A terminal that reads commands, a line each, while other tasks go on: reading a line is a wait like any other.
 *
 *   npm run -s example -- terminal/reader
 *   printf 'after 0.2 done\nlist\n' | npm run -s example -- terminal/reader
 *
 *   after SECONDS TEXT   prints the text then       eval FIRST; SECOND   several commands
 *   list                 what is waiting            wait SECONDS         before the next command
 *   cancel NUMBER        takes one back             quit                 ends at once, as Ctrl-C does
 *
 * At the end of the input (Ctrl-D) it waits for what is still to be printed.
 */
import {
  type CancelScope,
  cancelScope,
  currentScope,
  main,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
} from "coppice";
import { prompt, stdinLines } from "coppice/process";
import { type Command, CommandError, millisecondsOf, obey } from "./commands.ts";

interface Reminder {
  readonly text: string;
  readonly task: Task<void>;
}

const reminders = new Map<number, Reminder>();
let lastNumber = 0;

await main(() =>
  cancelScope(async (reading) => {
    await taskGroup(async (group) => {
      group.spawn(() => cancelWhenStopping(reading), { background: true });
      // A person is asked for each line; a file or a pipe is just read.
      const lines = process.stdin.isTTY ? questions() : stdinLines();
      const hasQuit = await obey(lines, commandsOf(group), print);
      if (hasQuit) group.cancelAll("quit");
    });
  }),
);

async function* questions(): AsyncGenerator<string> {
  for (let line = await prompt("> "); line !== undefined; line = await prompt("> ")) yield line;
}

function commandsOf(group: TaskGroup): Record<string, Command> {
  return {
    after: ([seconds, ...words]) => {
      const ms = millisecondsOf(seconds);
      const number = ++lastNumber;
      const text = words.join(" ");
      const task = group.spawn(() => remind(ms, text), { name: `reminder ${number}` });
      reminders.set(number, { text, task });
      task.addDoneCallback(() => reminders.delete(number));
      print(`${number}: in ${ms / 1_000} s`);
    },
    list: () => {
      for (const [number, { text }] of reminders) print(`${number}: ${text}`);
      if (reminders.size === 0) print("nothing is waiting");
    },
    cancel: ([number]) => {
      const reminder = reminders.get(Number(number));
      if (reminder === undefined) throw new CommandError(`nothing is waiting as number ${number ?? ""}`);
      reminder.task.cancel("taken back");
    },
    wait: ([seconds]) => sleep(millisecondsOf(seconds)),
  };
}

async function remind(ms: number, text: string): Promise<void> {
  await sleep(ms);
  print(text);
}

async function cancelWhenStopping(scope: CancelScope): Promise<void> {
  await currentScope().whenStopping();
  scope.cancel("stopping");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
