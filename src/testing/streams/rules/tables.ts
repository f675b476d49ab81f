/** All rules, by what they are about. */

import { callRules } from "./calls.ts";
import { cancelledCloseRules } from "./cancelled-close.ts";
import { cancelledReceiveRules } from "./cancelled-receive.ts";
import { cancelledSendRules } from "./cancelled-send.ts";
import { cancelledSendEofRules } from "./cancelled-send-eof.ts";
import { closingRules } from "./closing.ts";
import { dataRules } from "./data.ts";
import { halfCloseRules } from "./half-close.ts";
import { peerRules } from "./peer.ts";
import type { Rule } from "./rule.ts";
import { trySendRules } from "./try-send.ts";
import { twoWayRules } from "./two-way.ts";

/** The rules of `SendStream` and `ReceiveStream`. */
export const oneWayRules: readonly Rule[] = [
  ...dataRules,
  ...callRules,
  ...closingRules,
  ...peerRules,
  ...cancelledReceiveRules,
  ...cancelledSendRules,
  ...cancelledCloseRules,
];

/** Those of `ByteStream` that go beyond. */
export const byteStreamRules: readonly Rule[] = [
  ...twoWayRules,
  ...halfCloseRules,
  ...cancelledSendEofRules,
  ...trySendRules,
];
