/** Opens connections to an echo server, sends one message on each, and holds them open once it is back. Arguments: port, connections. */

import { once } from "node:events";
import { connect } from "node:net";

const [port = 0, count = 0] = process.argv.slice(2).map(Number);
const atOnce = 100;

process.on("disconnect", () => process.exit());
for (let opened = 0; opened < count; opened += atOnce) {
  await Promise.all(Array.from({ length: Math.min(atOnce, count - opened) }, open));
}
process.send?.("open");

async function open(): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.write("x");
  await once(socket, "data");
}
