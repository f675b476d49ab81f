/**
 * The echo server on `node:net` as one writes it by hand: what comes is written back, without a thought to backpressure.
 *
 * Told `loaded`, it has the modules of the other servers in memory, and does not use them. How often V8 marks the whole heap when much
 * memory outside of it comes and goes depends on how large the heap is: an almost empty one is spared most of it.
 */

import { createServer } from "node:net";
import { announce } from "./announce.ts";

if (process.argv[2] === "loaded") await Promise.all([import("coppice"), import("coppice/loop"), import("coppice/net")]);

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("error", () => {});
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => announce(server.address()));
