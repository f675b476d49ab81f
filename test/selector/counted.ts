/** Runs a test that opens descriptors, and fails if it leaves any behind. */
import assert from "node:assert/strict";
import { descriptorCount } from "../support/real.ts";

export function counted(fn: () => void): void {
  const before = descriptorCount();
  fn();
  assert.equal(descriptorCount(), before, "descriptors were left open");
}
