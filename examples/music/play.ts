/**
 * A synthesizer that is played by commands, a line each, from a file, a pipe or a terminal.
 *
 *   npm run -s example -- music/play examples/music/tune.txt --out tune.wav       through sox, into a file
 *   npm run -s example -- music/play > samples.raw                               from the terminal; 8-bit unsigned, mono, 8 kHz
 *
 *   add NOTES         lets notes sound          chord SECONDS NOTES    sounds notes for a while
 *   remove NOTES      ends them                 beep                   a short high note
 *   wait SECONDS      before the next command   eval FIRST; SECOND     several commands
 *   quit              ends at once, as Ctrl-C does; where the commands end, it ends with the last chord
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { main } from "coppice";
import { SpawnError, stdinLines, stdout, withProcess } from "coppice/process";
import { perform } from "./perform.ts";
import { SAMPLES_PER_SECOND } from "./synthesizer.ts";

const FORMAT = ["-t", "raw", "-r", String(SAMPLES_PER_SECOND), "-e", "unsigned", "-b", "8", "-c", "1"];

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const [file] = positionals;

await main(async () => {
  try {
    const lines = file === undefined ? stdinLines() : linesOf(await readFile(file, "utf8"));
    if (flags.out === undefined) await perform(lines, stdout, complain);
    else await performInto(flags.out, lines);
  } catch (error) {
    if (!(error instanceof SpawnError || (error as NodeJS.ErrnoException).code === "ENOENT")) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
});

/** Lets sox make a file of it. */
async function performInto(path: string, lines: AsyncIterable<string>): Promise<void> {
  await withProcess(
    ["sox", ...FORMAT, "-", path],
    async (sox) => {
      await perform(lines, sox.stdin, complain);
      await sox.stdin.close();
      const status = await sox.wait();
      if (status.code !== 0) process.exitCode = 1;
    },
    { stdout: "inherit" },
  );
}

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split("\n");
}

/** On standard error: standard output is the sound. */
function complain(problem: string): void {
  process.stderr.write(`${problem}\n`);
}
