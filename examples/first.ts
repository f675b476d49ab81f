import { main, moveOnAfter, sleep, taskGroup } from "coppice";
import { listen } from "coppice/net";
import { serveRpc, withPeer } from "coppice/rpc";

const methods = {
  add: (a: number, b: number) => a + b,
  async nap(ms: number) {
    try {
      await sleep(ms);
    } finally {
      console.log("server: the nap is over");
    }
  },
};

await main(async () => {
  await taskGroup(async (group) => {
    const listener = await listen({ port: 0 });
    group.spawn(() => serveRpc(listener, methods));

    await withPeer(`tcp://127.0.0.1:${listener.address.port}`, async (peer) => {
      console.log("client: 2 + 3 =", await peer.request("add", [2, 3]));
      const nap = await moveOnAfter(100, () => peer.request("nap", [60_000]));
      console.log("client: waited 100 ms and got", nap);
    }); // closes the connection, so the server cancels the nap that nobody waits for

    group.cancelAll("done"); // stops the server; the group returns when everything in it has ended
  });
  console.log("nothing is left running");
});
