/** The rules of `SendStream` and `ReceiveStream`. */
import type { Rule } from "./rule.ts";
import { cancelledReceiveRules } from "./rules-cancelled-receive.ts";
import { cancelledSendRules } from "./rules-cancelled-send.ts";
import { closingRules } from "./rules-closing.ts";
import { dataRules } from "./rules-data.ts";
import { peerRules } from "./rules-peer.ts";

export const oneWayRules: readonly Rule[] = [
  ...dataRules,
  ...closingRules,
  ...peerRules,
  ...cancelledReceiveRules,
  ...cancelledSendRules,
];
