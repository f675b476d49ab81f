/** The network in memory: what it shares with real ones. */
import { currentLoop } from "coppice";
import type { VirtualLoop } from "coppice/testing";
import { addressContract } from "../support/address-contract.ts";
import { datagramContract } from "../support/datagram-contract.ts";
import { limitsContract } from "../support/limits-contract.ts";
import { networkContract } from "../support/network-contract.ts";
import type { Within } from "../support/recorder.ts";
import { unixContract } from "../support/unix-contract.ts";
import { virtually } from "../support/virtual.ts";

const within: Within = (fn) => virtually(() => fn(currentLoop().network));

function put(path: string, what: "socket" | "file"): Promise<void> {
  (currentLoop() as VirtualLoop).network.files.set(path, what);
  return Promise.resolve();
}

networkContract("memory", within);
limitsContract("memory", within);
addressContract("memory", within);
datagramContract("memory", within);
unixContract("memory", within, {
  stale: (_network, path) => put(path, "socket"),
  file: (_network, path) => put(path, "file"),
});
