/** The page of the kernel's rules and the tests of the rules stand for the same twenty. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const root = join(import.meta.dirname, "../..");

test("each of the twenty rules has a section on the page, with its reason and its kin, and a test file that names it", () => {
  const page = readFileSync(join(root, "docs/design/kernel-rules.md"), "utf8");
  const sections = new Map(
    [...page.matchAll(/^## (\d+)\. (.*?)(?=^## )/gms)].map(([, number, text]) => [Number(number), text ?? ""]),
  );
  const files = readdirSync(join(root, "test/kernel"));
  for (let rule = 1; rule <= 20; rule++) {
    const section = sections.get(rule);
    assert.ok(section, `rule ${rule} has no section`);
    assert.match(section, /\*Why\.\* /, `rule ${rule} gives no reason`);
    assert.match(section, /\*Elsewhere\.\* /, `rule ${rule} says nothing of other systems`);
    const prefix = `rule-${String(rule).padStart(2, "0")}-`;
    assert.ok(
      files.some((file) => file.startsWith(prefix) && file.endsWith(".test.ts")),
      `no test file ${prefix}*`,
    );
  }
  assert.equal(sections.size, 20);
});
