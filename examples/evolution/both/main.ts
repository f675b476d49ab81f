/**
 * A JSON-RPC service and its clients, all on one event loop.
 *
 *   npm start -- --clients 100 --heartbeat 5000 --port 8000
 *
 * Each client connects, sends `connect`, and then a `heartbeat` every few seconds. Anybody else may ask meanwhile:
 *
 *   npm run coppice -- call tcp://127.0.0.1:8000 foo
 */
import { ConnectError, cancelScope, ListenError, run, taskGroup } from "coppice";
import { listen } from "coppice/net";
import { numberFlags } from "../../flags.ts";
import { runClients } from "./client.ts";
import { interruptible } from "./interrupt.ts";
import { Latencies } from "./latencies.ts";
import { Service } from "./service.ts";
import { showStatus } from "./status.ts";

/** How long outside clients may take to get their last answers. */
const GRACE_MS = 5_000;

// Whoever read the output has seen enough: `npm start | head -3`.
process.stdout.on("error", () => process.exit());

const flags = numberFlags({ clients: 100, heartbeat: 5_000, port: 8_000 });
const service = new Service();
const latencies = new Latencies();

try {
  const hasEndedInOrder = await run(() =>
    interruptible(async (interrupted) => {
      const listener = await listen({ port: flags.port });
      const { host, port } = listener.address;
      const startedAt = performance.now();
      print(`serving ${service.methodNames.join(", ")} on tcp://${host}:${port}; Ctrl-C ends it`);
      print(`${flags.clients} clients beat every ${flags.heartbeat} ms`);

      await taskGroup(async (group) => {
        group.spawn(() => showStatus(service, latencies), { name: "status", background: true });
        await cancelScope(async (serving) => {
          await taskGroup(async (server) => {
            server.spawn(() => service.serve(listener), { name: "server" });
            const url = `tcp://${host}:${port}`;
            await runClients({ url, count: flags.clients, heartbeatMs: flags.heartbeat, latencies, interrupted });
            await interrupted.wait();
            // The clients have their answers: now the server stops accepting, answers what others asked, and closes.
            serving.stop({ graceMs: GRACE_MS });
          });
        });
      });

      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      print(`stopped after ${seconds} s: answered ${service.calls} calls on ${service.connections} connections`);
    }),
  );
  if (!hasEndedInOrder) process.exit(130);
} catch (error) {
  if (!(error instanceof ListenError || error instanceof ConnectError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 3;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
