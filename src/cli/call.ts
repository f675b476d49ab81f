/**
 * `coppice call`: one call, its result on standard output.
 */
import process from "node:process";
import type { SocketAddress } from "../kernel/addresses.ts";
import { TimeoutError } from "../kernel/errors.ts";
import { withTimeout } from "../kernel/scopes.ts";
import { formatEndpoint } from "../rpc/endpoint.ts";
import type { Params } from "../rpc/messages.ts";
import { withPeer } from "../rpc/service.ts";
import { TIMED_OUT } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { print } from "./output.ts";

export interface CallOptions {
  readonly address: SocketAddress;
  readonly method: string;
  readonly params: Params | undefined;
  readonly timeoutMs: number;
  /** Whether to want no answer. */
  readonly isNotification: boolean;
}

export async function call({ address, method, params, timeoutMs, isNotification }: CallOptions): Promise<void> {
  const url = formatEndpoint(address);
  let waitingFor = `connection to ${url}`;
  try {
    await withTimeout(timeoutMs, () =>
      withPeer(url, async (peer) => {
        waitingFor = `answer from ${url}`;
        if (isNotification) await peer.notify(method, params);
        else print(formatResult(await peer.request(method, params), process.stdout.isTTY));
      }),
    );
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new Failure(TIMED_OUT, `no ${waitingFor} within ${timeoutMs} ms`, { cause: error });
  }
}

/** JSON: for people over several lines, for programs on one. */
export function formatResult(result: unknown, isForPeople: boolean): string {
  return JSON.stringify(result, undefined, isForPeople ? 2 : undefined);
}
