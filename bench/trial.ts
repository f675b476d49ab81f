/** A child process that measures the contenders of one module and sends the samples to its parent. */

import { type Contender, type Effort, measure } from "./harness.ts";

const [href = "", effort = "{}"] = process.argv.slice(2);
process.on("disconnect", () => process.exit());
const module = (await import(href)) as { contenders: readonly Contender[] };
const samples = await measure(module.contenders, JSON.parse(effort) as Effort);
process.send?.(samples);
