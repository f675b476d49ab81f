/** Node's sockets as the network port wants them. */
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { currentLoop, run } from "coppice";
import "../../src/loops/sockets.ts";
import { addressContract } from "../support/address-contract.ts";
import { datagramContract } from "../support/datagram-contract.ts";
import { limitsContract } from "../support/limits-contract.ts";
import { networkContract } from "../support/network-contract.ts";
import type { Within } from "../support/recorder.ts";
import { unixContract } from "../support/unix-contract.ts";

const within: Within = (fn) => run(() => fn(currentLoop().network));

networkContract("node", within);
limitsContract("node", within);
addressContract("node", within);
datagramContract("node", within);
unixContract("node", within, {
  async stale(_network, path) {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(`${path}.before`, listening));
    // Node removes the name that it knows; the socket's other one stays.
    renameSync(`${path}.before`, path);
    await new Promise((closed) => server.close(closed));
  },
  file(_network, path) {
    writeFileSync(path, "");
    return Promise.resolve();
  },
});
