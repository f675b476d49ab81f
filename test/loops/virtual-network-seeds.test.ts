/** The network in memory, with what happens in the same moment in an order drawn from a seed: nothing of the contracts depends on it. */
import { currentLoop } from "coppice";
import type { VirtualLoop } from "coppice/testing";
import { addressContract } from "../support/address-contract.ts";
import { datagramContract } from "../support/datagram-contract.ts";
import { limitsContract } from "../support/limits-contract.ts";
import { networkContract } from "../support/network-contract.ts";
import type { Within } from "../support/recorder.ts";
import { unixContract } from "../support/unix-contract.ts";
import { virtually } from "../support/virtual.ts";

const SEEDS = 50;

const within: Within = async (fn) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await virtually(() => fn(currentLoop().network), { seed });
    } catch (error) {
      throw new Error(`with seed ${seed}: ${error}`, { cause: error });
    }
  }
};

function put(path: string, what: "socket" | "file"): Promise<void> {
  (currentLoop() as VirtualLoop).network.files.set(path, what);
  return Promise.resolve();
}

const name = `memory, ${SEEDS} seeds`;
networkContract(name, within);
limitsContract(name, within);
addressContract(name, within);
datagramContract(name, within);
unixContract(name, (fn) => virtually(() => fn(currentLoop().network), { seed: SEEDS }), {
  stale: (_network, path) => put(path, "socket"),
  file: (_network, path) => put(path, "file"),
});
