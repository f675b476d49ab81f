/** The client's half: many clients, each with a connection of its own and a heart that beats. */
import { currentLoop, type Event, moveOnAfter, taskGroup } from "coppice";
import { type Peer, withPeer } from "coppice/rpc";
import type { Latencies } from "./latencies.ts";

export interface Clients {
  readonly url: string;
  readonly count: number;
  readonly heartbeatMs: number;
  readonly latencies: Latencies;
  /** Tells the clients to finish. */
  readonly interrupted: Event;
}

/** All connections are made within this time. */
const CONNECTING_MS = 1_000;

/** Runs the clients until they are told to finish, and each has the answer to its last call. */
export async function runClients(clients: Clients): Promise<void> {
  await taskGroup((group) => {
    for (let index = 0; index < clients.count; index++) {
      group.spawn(() => runClient(clients, index / clients.count), { name: `client ${index}` });
    }
  });
}

/** `phase`, from 0 to 1, is this client's place in the round: no two connect, or beat, in one instant. */
async function runClient({ url, heartbeatMs, latencies, interrupted }: Clients, phase: number): Promise<void> {
  await pause(phase * CONNECTING_MS, interrupted);
  if (interrupted.isSet) return;
  await withPeer(url, async (peer) => {
    await ask(peer, "connect", latencies);
    const loop = currentLoop();
    // Beats have fixed times, so a slow answer does not push the later ones back.
    for (let next = loop.time() + (1 + phase) * heartbeatMs; ; next += heartbeatMs) {
      await pause(Math.max(0, next - loop.time()), interrupted);
      if (interrupted.isSet) return;
      await ask(peer, "heartbeat", latencies);
    }
  });
}

/** Waits `ms`, or less if the clients are told to finish. */
async function pause(ms: number, interrupted: Event): Promise<void> {
  await moveOnAfter(ms, () => interrupted.wait());
}

async function ask(peer: Peer, method: string, latencies: Latencies): Promise<void> {
  const loop = currentLoop();
  const askedAt = loop.time();
  const answer = await peer.request(method);
  latencies.add(loop.time() - askedAt);
  if (answer !== "ok") throw new Error(`${method}: expected "ok", got ${JSON.stringify(answer)}`);
}
