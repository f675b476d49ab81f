/**
 * Server and clients of step 2 on one loop: to a loop they are all callbacks. It ends when the last client has.
 *
 *   npm run example -- evolution/c002-callback/both --clients 3 --beats 3 --heartbeat 500
 */
import { numberFlags } from "../../flags.ts";
import { clientNames, complain, print } from "../wire.ts";
import { startClient } from "./calling.ts";
import { Loop } from "./loop.ts";
import { startServer } from "./serving.ts";

const flags = numberFlags({ port: 0, clients: 3, beats: 3, heartbeat: 500 });
const loop = new Loop();
const server = startServer(loop, flags.port);
const errors: Error[] = [];
let left = flags.clients;
for (const name of clientNames(flags.clients)) {
  const options = { port: server.port, name, beats: flags.beats, heartbeatMs: flags.heartbeat };
  startClient(loop, options, (error) => {
    if (error !== undefined) errors.push(error);
    // Then nobody is left to serve, and the loop has nothing left to wait for.
    if (--left === 0) server.close();
  });
}
loop.run();
if (errors[0] === undefined) print("every answer was as expected");
else complain(errors[0]);
