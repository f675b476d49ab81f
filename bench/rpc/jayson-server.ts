/** jayson's TCP server, as its documentation shows it; messages end with a line feed. */

import type { AddressInfo } from "node:net";
import jayson from "jayson";
import { announce } from "./serving.ts";

const methods = new jayson.Server({
  foo(_params: unknown, callback: (error: null, result: string) => void) {
    callback(null, "ok");
  },
});
const server = methods.tcp();
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
