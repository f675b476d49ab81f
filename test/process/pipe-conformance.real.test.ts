/** The streams of a child keep the contract of streams: what goes into `cat` comes out of it. */
import test from "node:test";
import { taskGroup } from "coppice";
import { openProcess, type Subprocess } from "coppice/process";
import { checkOneWayStream } from "coppice/testing";
import { withoutChildren } from "../support/processes.ts";

test("the streams of a child keep every rule of one-way streams", () =>
  withoutChildren(async () => {
    const opened: Subprocess[] = [];
    try {
      await checkOneWayStream(async () => {
        const cat = await openProcess(["cat"], { stderr: "ignore" });
        opened.push(cat);
        return [cat.stdin, cat.stdout];
      });
    } finally {
      await taskGroup((group) => {
        for (const child of opened) group.spawn(() => child.close());
      });
    }
  }));
