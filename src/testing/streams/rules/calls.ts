/** What holds of each call of send and receive: one at a time, and each a checkpoint. */
import { BusyError } from "../../../kernel/errors.ts";
import { assertCheckpoints } from "../../checkpoints.ts";
import { CHUNK_BYTES, clog } from "../clog.ts";
import {
  expectBytes,
  expectEof,
  expectError,
  joined,
  pattern,
  readExactly,
  readToEnd,
  together,
  turns,
} from "../expect.ts";
import { finding } from "../finding.ts";
import type { Rule } from "./rule.ts";

export const callRules: readonly Rule[] = [
  {
    rule: "a second receiver is a BusyError, and the first is not disturbed",
    check: async ({ a, b }) => {
      const first = b.receive(5);
      // On its way in it may have let the loop have a turn: only then does it wait.
      await turns(2);
      await expectError(b.receive(5), BusyError, "a receive while another one waits");
      await expectError(b.iterate().next(), BusyError, "a step of an iteration while a receive waits");
      const rest = async (): Promise<Uint8Array> => {
        const chunk = (await first) ?? finding("the first receiver got end-of-file");
        return joined([chunk, await readExactly(b, 5 - chunk.length)]);
      };
      const [bytes] = await together(rest(), a.send(pattern(5)));
      expectBytes(bytes, pattern(5), "what the first receiver got");
    },
  },
  {
    rule: "a second sender is a BusyError while the first waits, and the first is not disturbed",
    needsBlocking: true,
    check: async ({ a, b }) => {
      const { sent, waiting } = await clog(a);
      await expectError(a.send(pattern(1)), BusyError, "a send while another one waits");
      const ending = async (): Promise<void> => {
        await waiting;
        await a.close();
      };
      const [bytes] = await together(readToEnd(b), ending());
      expectBytes(bytes, pattern(sent + CHUNK_BYTES), `what ${b.name} received`);
    },
  },
  {
    rule: "send and receive are checkpoints, also where they need not wait",
    check: async ({ a, b }) => {
      await assertCheckpoints(function send() {
        return a.stream.send(new Uint8Array(0));
      });
      const receive = async (): Promise<void> => {
        await turns(3);
        const chunk = await assertCheckpoints(function receive() {
          return b.stream.receive();
        });
        await readExactly(b, 10 - (chunk?.length ?? 0));
      };
      await together(receive(), a.send(pattern(10)));
      const end = async (): Promise<void> => {
        await expectEof(b, "after close");
        await assertCheckpoints(function receive() {
          return b.stream.receive();
        });
      };
      await together(end(), a.close());
    },
  },
];
