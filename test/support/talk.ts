/**
 * Speaking raw text to a JSON-RPC service over the memory network, and hearing everything that it says.
 */
import assert from "node:assert/strict";
import { BrokenError, ClosedError, taskGroup } from "coppice";
import { type ByteStream, type Framing, lengthPrefixed, listen, openTcp } from "coppice/net";
import { type Methods, type PeerOptions, serveRpc } from "coppice/rpc";
import { waitAllTasksBlocked } from "coppice/testing";

/** One raw connection to a service. */
export class Talk {
  readonly stream: ByteStream;
  /** How the service's side of the connection ended, if it has. */
  end: "end-of-file" | "broken" | undefined;
  readonly #framing: Framing;
  readonly #frames: string[] = [];

  constructor(stream: ByteStream, framing: Framing = lengthPrefixed()) {
    this.stream = stream;
    this.#framing = framing;
  }

  async listen(): Promise<void> {
    const decoder = this.#framing.decoder();
    try {
      for await (const bytes of this.stream) {
        decoder.push(bytes);
        for (let text = decoder.nextText(); text !== undefined; text = decoder.nextText()) this.#frames.push(text);
      }
      decoder.end();
      this.end = "end-of-file";
    } catch (error) {
      if (error instanceof BrokenError) this.end = "broken";
      else if (!(error instanceof ClosedError)) throw error;
    }
  }

  /** Sends each text as a frame, all in one piece. */
  async send(...texts: readonly string[]): Promise<void> {
    await this.stream.send(this.#framing.encode(texts));
  }

  /** All frames that came since the last time, once nobody can go on without time passing. */
  async heard(): Promise<string[]> {
    await waitAllTasksBlocked();
    return this.#frames.splice(0);
  }

  /** Sends frames, and gives the answers as values. */
  async ask(...texts: readonly string[]): Promise<unknown[]> {
    await this.send(...texts);
    return (await this.heard()).map((text) => JSON.parse(text));
  }

  /** The one answer to one frame. */
  async askOne(text: string): Promise<unknown> {
    const answers = await this.ask(text);
    assert.equal(answers.length, 1, `expected one answer, got ${JSON.stringify(answers)}`);
    return answers[0];
  }
}

export interface Service {
  readonly port: number;
  /** What methods threw that were no `RpcError`s. A test takes out what it expects: what is left at the end fails it. */
  readonly reported: { error: unknown; method: string }[];
  /** Another connection. */
  open<T>(body: (talk: Talk) => Promise<T>): Promise<T>;
}

export type ServiceOptions = Omit<PeerOptions, "methods">;

/** Serves `methods` while `body` runs; ends when every connection has. */
export async function serving(
  methods: Methods,
  body: (service: Service) => Promise<void>,
  options: ServiceOptions = {},
): Promise<void> {
  const listener = await listen({ port: 0 });
  const reported: Service["reported"] = [];
  const { port } = listener.address;
  const service: Service = {
    port,
    reported,
    open: (inner) => talkingTo(port, inner, options.framing),
  };
  await taskGroup(async (group) => {
    group.spawn(
      () => serveRpc(listener, methods, { onError: (error, method) => reported.push({ error, method }), ...options }),
      { name: "service" },
    );
    try {
      await body(service);
    } finally {
      await listener.close();
    }
  });
  assert.deepEqual(reported, [], "errors were reported that the test did not expect");
}

/** Serves `methods` to one raw connection. */
export async function talking(
  methods: Methods,
  body: (talk: Talk, service: Service) => Promise<void>,
  options: ServiceOptions = {},
): Promise<void> {
  await serving(methods, (service) => service.open((talk) => body(talk, service)), options);
}

export async function talkingTo<T>(port: number, body: (talk: Talk) => Promise<T>, framing?: Framing): Promise<T> {
  const talk = new Talk(await openTcp({ port }), framing);
  return await taskGroup(async (group) => {
    group.spawn(() => talk.listen(), { name: "raw client" });
    try {
      return await body(talk);
    } finally {
      talk.stream.abort();
    }
  });
}

/** A request as text. */
export function request(method: string, params?: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params, id });
}

export function notification(method: string, params?: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params });
}

/** An answer without `error.data`, which explains and is not fixed. */
export function withoutData(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(withoutData);
  const { error, ...rest } = answer as { error?: { code: unknown; message: unknown } };
  return error === undefined ? rest : { ...rest, error: { code: error.code, message: error.message } };
}

export const ok = (result: unknown, id: unknown = 1): object => ({ jsonrpc: "2.0", result, id });

export const failed = (code: number, message: string, id: unknown = 1): object => ({
  jsonrpc: "2.0",
  error: { code, message },
  id,
});

export const parseError: object = failed(-32700, "Parse error", null);
export const invalidRequest = (id: unknown = null): object => failed(-32600, "Invalid Request", id);
export const methodNotFound = (id: unknown = 1): object => failed(-32601, "Method not found", id);
export const internalError = (id: unknown = 1): object => failed(-32603, "Internal error", id);
