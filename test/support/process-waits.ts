/** The rows of the table in `waits.ts` about processes: what the system would tell is told by the test. */
import { openSignals } from "coppice/process";
import { Child } from "../../src/process/child.ts";
import type { Wait } from "./wait.ts";

export const processWaits: readonly Wait[] = [
  {
    name: "child.wait",
    open: () => {
      const child = new Child(["sleep"], 0, {});
      const status = { code: 3, signal: undefined };
      return { wait: () => child.wait(), wake: () => child.hasExited(status), value: status, end: () => {} };
    },
  },
  {
    name: "signals.receive",
    open: () => {
      const signals = openSignals(["SIGALRM"]);
      return {
        wait: () => signals.receive(),
        wake: () => process.emit("SIGALRM", "SIGALRM"),
        value: "SIGALRM",
        end: () => signals.close(),
      };
    },
  },
];
