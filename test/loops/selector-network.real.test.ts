/** Nonblocking sockets and epoll as the network port wants them. */
import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { run } from "coppice";
import { SelectorLoop } from "../../src/loops/selector/loop.ts";
import { addressContract } from "../support/address-contract.ts";
import { datagramContract } from "../support/datagram-contract.ts";
import { limitsContract } from "../support/limits-contract.ts";
import { networkContract } from "../support/network-contract.ts";
import { descriptorCount } from "../support/real.ts";
import type { Within } from "../support/recorder.ts";
import { unixContract } from "../support/unix-contract.ts";

/** Each row has a loop of its own, which gives everything back when it is closed. */
const within: Within = async (fn) => {
  const before = descriptorCount();
  const loop = new SelectorLoop();
  await run(() => fn(loop.network), { loop });
  loop.close();
  assert.equal(descriptorCount(), before, "descriptors were left open");
};

networkContract("selector", within);
limitsContract("selector", within);
addressContract("selector", within);
datagramContract("selector", within);
unixContract("selector", within, {
  async stale(network, path) {
    const before = `${path}.before`;
    const listener = await network.listen(
      { address: { path: before } },
      { accepted: assert.fail, acceptFailed: assert.fail },
    );
    // The listener removes the name that it knows; the socket's other one stays.
    renameSync(before, path);
    await listener.close();
  },
  file(_network, path) {
    writeFileSync(path, "");
    return Promise.resolve();
  },
});
