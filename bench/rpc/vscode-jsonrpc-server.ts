/** vscode-jsonrpc over sockets: a message connection each, framed with `Content-Length`. */

import { type AddressInfo, createServer } from "node:net";
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import { announce } from "./serving.ts";

const server = createServer({ noDelay: true }, (socket) => {
  const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  connection.onRequest("foo", () => "ok");
  connection.onError(() => socket.destroy());
  connection.listen();
});
server.listen(0, "127.0.0.1", () => announce((server.address() as AddressInfo).port));
