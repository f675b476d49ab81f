/** The behaviour suite on the loop that watches descriptors itself. */
import { SelectorLoop } from "coppice/loop";
import { eventLoopSuite } from "./suite.ts";

eventLoopSuite({ name: "selector", isReal: true, make: () => new SelectorLoop() });
