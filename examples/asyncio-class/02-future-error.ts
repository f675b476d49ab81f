/**
 * An exercise with futures, and its errors: a future can fail, and it is settled once.
 *
 *   npm run example -- asyncio-class/02-future-error            (add --real to wait for real)
 *
 * The error is thrown to all who wait, unchanged: it is the very object that was set. So nobody passes errors around by
 * hand, and `instanceof` works at the far end.
 */
import assert from "node:assert/strict";
import { Future, InvalidStateError, sleep, taskGroup } from "coppice";
import { start } from "../start.ts";

class ShopClosed extends Error {}

async function fetchMilk(milk: Future<string>): Promise<void> {
  console.log("off to the shop");
  await sleep(1_000);
  milk.setError(new ShopClosed("the shop is closed"));
}

async function drinkCoffee(name: string, milk: Future<string>): Promise<void> {
  try {
    console.log(`${name}: coffee with ${await milk}`);
  } catch (error) {
    if (!(error instanceof ShopClosed)) throw error;
    console.log(`${name}: black coffee, ${error.message}`);
  }
}

await start(async () => {
  const milk = new Future<string>({ name: "milk" });
  await taskGroup(async (group) => {
    group.spawn(() => drinkCoffee("Ann", milk));
    group.spawn(() => drinkCoffee("Ben", milk));
    group.spawn(() => fetchMilk(milk));
  });

  // Once it is done, the error can be looked at without waiting. Asking for the result throws it, as waiting does.
  const error = milk.error();
  assert.ok(error instanceof ShopClosed);
  assert.throws(() => milk.result(), error);
  await assert.rejects(async () => await milk, error);

  assert.throws(() => milk.setResult("oat milk"), InvalidStateError);
  assert.throws(() => milk.setError(new Error("sour")), InvalidStateError);
  assert.equal(milk.error(), error, "the first outcome stands");
  console.log("a second outcome is an InvalidStateError");
});
