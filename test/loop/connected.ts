/** A server with one connection, for the rows that are about what happens on it. */
import type { Server } from "coppice/loop";
import { type Kit, portOf, Recorder } from "./kit.ts";

export interface Connected {
  readonly client: Recorder;
  readonly server: Recorder;
  readonly listening: Server;
}

/** Runs `body` in the loop of `kit` with the two ends of a connection, and ends what it leaves open. */
export function withConnection(
  kit: Kit,
  body: (ends: Connected) => Promise<void>,
  recorders: { readonly client?: Recorder; readonly server?: Recorder } = {},
): Promise<void> {
  const { client = new Recorder(), server = new Recorder() } = recorders;
  return kit.run(async () => {
    const listening = await kit.loop.createServer(() => server, { port: 0 });
    await kit.loop.createConnection(() => client, { port: portOf(listening) });
    await server.has("made");
    await body({ client, server, listening });
    for (const { log, transport } of [client, server]) if (!log.includes("lost")) transport.abort();
    listening.close();
    await listening.waitClosed();
  });
}
