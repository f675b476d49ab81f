/**
 * Step 2, callbacks: any number of clients on one thread, because nobody waits in a call.
 *
 *   npm run example -- evolution/c002-callback/server --port 8000
 */
import { numberFlags } from "../../flags.ts";
import { Loop } from "./loop.ts";
import { startServer } from "./serving.ts";

const { port } = numberFlags({ port: 8_000 });
const loop = new Loop();
startServer(loop, port);
loop.run();
