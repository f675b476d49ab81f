#!/usr/bin/env node
/**
 * The `coppice` command.
 */
import process from "node:process";
import { CommanderError } from "commander";
import "../loops/default.ts";
import "../loops/sockets.ts";
import { bench } from "./bench.ts";
import { call } from "./call.ts";
import { execute } from "./execution.ts";
import { USAGE } from "./exit-codes.ts";
import { endQuietlyWhenNobodyReads, outputFlushed, reportFailure } from "./output.ts";
import { createProgram } from "./program.ts";
import { serve } from "./serve.ts";

const program = createProgram({
  serve: (options) => execute(() => serve(options), options),
  call: (options, isDebug) => execute(() => call(options), { graceMs: 0, isDebug }),
  bench: (options, isDebug) => execute(() => bench(options), { graceMs: 0, isDebug }),
});

endQuietlyWhenNobodyReads();
try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what it had to say.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE;
  else reportFailure(error, false);
}
await outputFlushed();
// A served module may have left timers and sockets behind.
process.exit();
