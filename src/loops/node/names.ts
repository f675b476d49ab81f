/** Names of hosts, asked of the system. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ResolvedAddress } from "../../kernel/network.ts";
import { systemError } from "../../kernel/system-error.ts";

/** All addresses of `host`, at least one, in the order in which the system would try them; rejects with the system's error. */
export async function lookUp(host: string): Promise<readonly ResolvedAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family: family as 4 | 6 }];
  if (host === "") throw systemError("ENOTFOUND", "getaddrinfo");
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.map((one) => ({ address: one.address, family: one.family === 6 ? 6 : 4 }));
}
