/** An echo server of callbacks: all connections in one thread, told by a selector. A client that sends `stop` ends it. */
import { EVENT_READ, EVENT_WRITE, formatAddress, Selector, Socket, SystemError } from "coppice/selector";

type Callback = (events: number) => void;

const selector = new Selector<Callback>();
const listener = new Socket();
listener.bind({ host: "localhost", port: 0 });
listener.listen();
listener.setBlocking(false);
process.stdout.write(`listening on ${formatAddress(listener.localAddress)}\n`);

let isStopping = false;
let most = 0;
selector.register(listener, EVENT_READ, () => {
  serve(listener.accept());
  most = Math.max(most, selector.size - 1);
});

function serve(peer: Socket): void {
  peer.setBlocking(false);
  let pending = Buffer.alloc(0);
  let hasEnded = false;
  const step = (events: number): void => {
    if (events & EVENT_READ && !hasEnded) {
      const bytes = peer.recv();
      if (bytes === undefined) hasEnded = true;
      else if (Buffer.from(bytes).toString() === "stop") selector.callLater(1, () => (isStopping = true));
      else pending = Buffer.concat([pending, bytes]);
    }
    if (pending.length > 0 && events & EVENT_WRITE) pending = pending.subarray(peer.send(pending));
    if (hasEnded && pending.length === 0) peer.close();
    else selector.modify(peer, (hasEnded ? 0 : EVENT_READ) | (pending.length > 0 || hasEnded ? EVENT_WRITE : 0));
  };
  selector.register(peer, EVENT_READ, (events) => {
    try {
      step(events);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      peer.close();
    }
  });
}

while (!isStopping) {
  for (const { key, events } of selector.select()) key.data(events);
}
process.stdout.write(`at most ${most} at a time\n`);
