/** The echo server on `node:net` as one writes it by hand: what comes is written back, without a thought to backpressure. */

import { createServer } from "node:net";
import { announce } from "./announce.ts";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("error", () => {});
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => announce(server.address()));
