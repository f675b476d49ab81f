/** Flags of the examples: `--name NUMBER`, each with a default. */
import { parseArgs } from "node:util";

/**
 * Reads whole numbers from the command line; the keys of `defaults` are the flags there are.
 * A flag that makes no sense ends the program with one line and exit code 2.
 */
export function numberFlags<Name extends string>(defaults: Record<Name, number>): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  const flags = { ...defaults };
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    const { values } = parseArgs({ options });
    for (const name of names) {
      const text = values[name];
      if (text === undefined) continue;
      if (!/^[0-9]+$/.test(text)) throw new Error(`--${name}: expected a whole number, got ${JSON.stringify(text)}`);
      flags[name] = Number(text);
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
  return flags;
}
