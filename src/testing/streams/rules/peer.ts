/** What one side sees of the other side's end. */
import { BrokenError, ClosedError } from "../../../kernel/errors.ts";
import { clog } from "../clog.ts";
import {
  expectBytes,
  expectError,
  outcome,
  pattern,
  readToAnyEnd,
  sendUntilBroken,
  together,
  turns,
} from "../expect.ts";
import { describe, finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

export const peerRules: readonly Rule[] = [
  {
    rule: "sending to a side that has closed becomes a BrokenError, and stays one",
    check: async ({ a, b }) => {
      await together(b.close(), sendUntilBroken(a, "to a side that has closed"));
      await expectError(a.send(pattern(1)), BrokenError, "a further send to a side that has closed");
      await a.close();
    },
  },
  {
    rule: "sending to a side that has aborted becomes a BrokenError, and stays one",
    check: async ({ a, b }) => {
      b.abort();
      await sendUntilBroken(a, "to a side that has aborted");
      await expectError(a.send(pattern(1)), BrokenError, "a further send to a side that has aborted");
      await a.close();
    },
  },
  {
    rule: "a sender that waits hears when the other side aborts: BrokenError",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { waiting } = await clog(a);
      b.abort();
      const { error } = await outcome(waiting);
      if (error === undefined) await sendUntilBroken(a, "to a side that has aborted");
      else if (!(error instanceof BrokenError)) {
        finding(
          `a send that waited when the other side aborted failed with ${describe(error)}, not BrokenError`,
          error,
        );
      }
    },
  },
  {
    rule: "a receiver hears when the other side aborts: BrokenError, or end-of-file where the failure cannot be told",
    check: async ({ a, b }) => {
      const reading = readToAnyEnd(b);
      a.abort();
      const { bytes, error } = await reading;
      if (bytes.length > 0) finding(`${describe(bytes)} came, though none were sent`);
      const again = await outcome(b.receive());
      if (again.value !== undefined) finding(`after that, receive gave ${describe(again.value)}`);
      if (error !== undefined && !(again.error instanceof BrokenError)) {
        finding(`the first receive failed with ${describe(error)}, the next one gave ${describe(again.error)}`, error);
      }
      await b.close();
    },
  },
  {
    rule: "abort ends what the other side receives, and may drop what was sent before, but garbles nothing",
    check: async ({ a, b }) => {
      const reading = readToAnyEnd(b);
      const sending = outcome(a.send(pattern(100_000)));
      await turns(1);
      a.abort();
      await sending;
      const { bytes } = await reading;
      expectBytes(bytes, pattern(100_000).subarray(0, bytes.length), `what ${b.name} received`);
    },
  },
  {
    rule: "after its own close, a stream whose other side failed is closed, not broken",
    check: async ({ a, b }) => {
      b.abort();
      await sendUntilBroken(a, "to a side that has aborted");
      await a.close();
      await expectError(a.send(pattern(1)), ClosedError, "send after a failure of the other side and close");
      await expectError(b.receive(), ClosedError, "receive after abort");
    },
  },
];
