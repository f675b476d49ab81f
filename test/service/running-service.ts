/** A service in a process of its own, a bystander that watches it, and raw clients that misuse it. */
import assert from "node:assert/strict";
import { taskGroup, withTimeout } from "coppice";
import { type ByteStream, lengthPrefixed, openTcp } from "coppice/net";
import { type Peer, withPeer } from "coppice/rpc";
import { Program } from "../support/program.ts";
import { eventually, really } from "../support/real.ts";

export interface Report {
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly listeners: number;
  readonly nodes: number;
  readonly failures: number;
}

const framing = lengthPrefixed();

export function startService(args: readonly string[] = []): Program {
  const file = new URL("service-program.ts", import.meta.url).pathname;
  return new Program(process.execPath, ["--expose-gc", "--conditions=coppice-source", file, ...args]);
}

/** A connection that sends what it likes. */
export class RawClient {
  readonly stream: ByteStream;
  readonly #decoder = framing.decoder();

  constructor(stream: ByteStream) {
    this.stream = stream;
  }

  async send(...texts: readonly string[]): Promise<void> {
    await this.stream.send(framing.encode(texts));
  }

  /** The next frame, or `undefined` when the service has ended the connection. */
  async hear(): Promise<string | undefined> {
    for (;;) {
      const text = this.#decoder.nextText();
      if (text !== undefined) return text;
      const bytes = await this.stream.receive();
      if (bytes === undefined) {
        this.#decoder.end();
        return undefined;
      }
      this.#decoder.push(bytes);
    }
  }

  async hearValue(): Promise<unknown> {
    const text = await this.hear();
    return text === undefined ? undefined : JSON.parse(text);
  }

  async ask(text: string): Promise<unknown> {
    await this.send(text);
    return await this.hearValue();
  }
}

export interface Scene {
  readonly port: number;
  readonly bystander: Peer;
  /** Opens a raw connection for the time of `body`, and resets what is left of it. */
  open<T>(body: (client: RawClient) => Promise<T>): Promise<T>;
  report(): Promise<Report>;
}

/** How long one scene may take, whatever it waits for. */
const PATIENCE_MS = 30_000;

/**
 * Plays a scene against the service on `port` while a bystander is connected to it. Afterwards the bystander still gets right
 * answers, and the service holds what it held before: no connection, task or descriptor more.
 */
export function playing(port: number, scene: (scene: Scene) => Promise<void>): Promise<void> {
  return really(() =>
    withTimeout(PATIENCE_MS, () =>
      withPeer(`tcp://127.0.0.1:${port}`, async (bystander) => {
        const report = (): Promise<Report> => bystander.request<Report>("report");
        await checkAnswers(bystander);
        const before = await report();
        const open: Scene["open"] = async (body) => {
          const client = new RawClient(await openTcp({ port }));
          try {
            return await body(client);
          } finally {
            client.stream.abort();
          }
        };
        await taskGroup(async (group) => {
          const watching = group.spawn(async () => {
            for (;;) await checkAnswers(bystander);
          });
          await scene({ port, bystander, open, report });
          watching.cancel();
        });
        await checkAnswers(bystander);
        let after = await report();
        const held = ({ descriptors, sockets, listeners, nodes }: Report): object => ({
          descriptors,
          sockets,
          listeners,
          nodes,
        });
        await eventually(
          async () => {
            after = await report();
            return JSON.stringify(held(after)) === JSON.stringify(held(before));
          },
          () => `the service holds ${JSON.stringify(held(after))}, it was ${JSON.stringify(held(before))}`,
        );
      }),
    ),
  );
}

async function checkAnswers(peer: Peer): Promise<void> {
  const value = `bystander ${Math.random()}`;
  assert.equal(await peer.request("add", [20, 22]), 42);
  assert.deepEqual(await peer.request("echo", [value]), [value]);
  await new Promise((resolve) => setTimeout(resolve, 5));
}
