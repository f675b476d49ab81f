/** The rules of `SendStream` and `ReceiveStream`. */

import { callRules } from "./calls.ts";
import { cancelledCloseRules } from "./cancelled-close.ts";
import { cancelledReceiveRules } from "./cancelled-receive.ts";
import { cancelledSendRules } from "./cancelled-send.ts";
import { closingRules } from "./closing.ts";
import { dataRules } from "./data.ts";
import { peerRules } from "./peer.ts";
import type { Rule } from "./rule.ts";

export const oneWayRules: readonly Rule[] = [
  ...dataRules,
  ...callRules,
  ...closingRules,
  ...peerRules,
  ...cancelledReceiveRules,
  ...cancelledSendRules,
  ...cancelledCloseRules,
];
