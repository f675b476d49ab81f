/** Programs of others that a test talks to. Where one is missing, the test is skipped and says so; `tools/test-tools.sh` installs them. */
import { accessSync, constants } from "node:fs";
import { isBuiltin } from "node:module";
import { delimiter, join } from "node:path";

/** For the `skip` of a test: false if all the programs are there, or else what is missing. */
export function lacking(...programs: string[]): string | false {
  const missing = programs.filter((program) => !isThere(program));
  return missing.length > 0 && `not installed: ${missing.join(", ")}; tools/test-tools.sh installs it`;
}

function isThere(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** For the `skip` of a test of how this Node does without its own `node:ffi`: an older one has none. */
export const lackingFfi: string | false = !isBuiltin("node:ffi") && "this Node has no node:ffi";
