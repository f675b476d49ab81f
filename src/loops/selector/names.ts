/** Names of hosts in the place of addresses: the system is asked, on Node's threads. */
import { isIP } from "node:net";
import type { SocketAddress } from "../../kernel/addresses.ts";
import { lookUp } from "../node/names.ts";

/** With the name's first address of that family, or, without one, its first. Rejects with the system's error. */
export async function addressOf({ host, port }: SocketAddress, family: 4 | 6 = 4): Promise<SocketAddress> {
  const found = await lookUp(host);
  return { host: (found.find((one) => one.family === family) ?? found[0]!).address, port };
}

/** The family of a numeric address. */
export function familyOf(address: SocketAddress | undefined): 4 | 6 | undefined {
  const family = isIP(address?.host ?? "");
  return family === 0 ? undefined : (family as 4 | 6);
}
