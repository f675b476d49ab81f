/**
 * The clients of step 2: as many as are asked for, on one thread.
 *
 *   npm run example -- evolution/c002-callback/client --port 8000 --clients 3 --beats 3 --heartbeat 500
 */
import { numberFlags } from "../../flags.ts";
import { clientNames, complain, print } from "../wire.ts";
import { startClient } from "./calling.ts";
import { Loop } from "./loop.ts";

const { port, clients, beats, heartbeat } = numberFlags({ port: 8_000, clients: 1, beats: 0, heartbeat: 5_000 });
const loop = new Loop();
const errors: Error[] = [];
for (const name of clientNames(clients)) {
  startClient(loop, { port, name, beats, heartbeatMs: heartbeat }, (error) => {
    if (error !== undefined) errors.push(error);
  });
}
loop.run();
if (errors[0] === undefined) print("every answer was as expected");
else complain(errors[0]);
