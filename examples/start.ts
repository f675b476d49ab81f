/**
 * How the teaching programs start: in virtual time, where a sleep of a second costs nothing and all output is fixed;
 * with `--real` on the command line, on the real clock.
 */
import { run } from "coppice";
import { virtualRun } from "coppice/testing";

export const isReal: boolean = process.argv.includes("--real");

export function start<T>(program: () => Promise<T>): Promise<T> {
  return isReal ? run(program) : virtualRun(program);
}
