/** The behaviour suite on Node's loop. */
import { NodeLoop } from "coppice/loop";
import { eventLoopSuite } from "./suite.ts";

eventLoopSuite({ name: "node", isReal: true, make: () => new NodeLoop() });
