/**
 * The echo server with a task for each client, which reads from its stream and writes back to it. A done-callback counts who was served.
 *
 *   npm run example -- echo/tasks --port 8007       and then: nc 127.0.0.1 8007
 *
 * Ctrl-C accepts no more; clients that are still there have two seconds to end.
 */
import { BrokenError, type CancelScope, cancelScope, currentScope, main, type Task, taskGroup } from "coppice";
import { listen, type SocketStream } from "coppice/net";
import { numberFlags } from "../flags.ts";

const { port } = numberFlags({ port: 8_007 });
/** Who is being served, by task. */
const clients = new Map<Task<number>, string>();
let served = 0;

await main(
  async () => {
    await using listener = await listen({ port });
    print(`listening on tcp://127.0.0.1:${listener.address.port}`);
    await taskGroup(async (group) => {
      await cancelScope(async (accepting) => {
        group.spawn(() => cancelWhenStopping(accepting), { background: true });
        for await (const stream of listener) {
          const task = group.spawn(() => echo(stream), { name: "client" });
          clients.set(task, `client ${served + clients.size + 1}`);
          print(`${clients.get(task)} came`);
          task.addDoneCallback(gone);
        }
      });
    });
    print(`stopped: served ${served} clients`);
  },
  { graceMs: 2_000 },
);

/** Echoes until the client sends no more, and says how many bytes that were. */
async function echo(stream: SocketStream): Promise<number> {
  await using _ = stream;
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      await stream.send(chunk);
    }
  } catch (error) {
    // It went without a word. The task of a server is not to fail for that.
    if (!(error instanceof BrokenError)) throw error;
  }
  return bytes;
}

/** Called once the task of a client has ended, however it did. */
function gone(task: Task<number>): void {
  served++;
  const how = task.cancelled ? "was cut off" : `left after ${task.result()} bytes`;
  print(`${clients.get(task)} ${how}; served ${served}`);
  clients.delete(task);
}

async function cancelWhenStopping(scope: CancelScope): Promise<void> {
  await currentScope().whenStopping();
  scope.cancel("stopping");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
