/** A blocking echo server: one connection after the other, as many as its argument says. */
import { formatAddress, Socket } from "coppice/selector";

const count = Number(process.argv[2]);
using listener = new Socket();
listener.bind({ host: "localhost", port: 0 });
listener.listen();
process.stdout.write(`listening on ${formatAddress(listener.localAddress)}\n`);
for (let served = 0; served < count; served++) {
  using peer = listener.accept();
  for (let bytes = peer.recv(); bytes !== undefined; bytes = peer.recv()) peer.sendAll(bytes);
}
process.stdout.write(`served ${count}\n`);
