/** What the event loop is asked to open, checked before anything is opened: Node takes some of what is wrong for something else (port `null` for 80). */
import { objectionToCommand } from "../kernel/check-command.ts";
import { describe, objectionToOptions } from "../kernel/check-function.ts";

/** What is wrong with an address, `{ path }` or `{ host?, port }`, among the options of `where`; or `undefined`. */
export function objectionToAddress(
  where: string,
  options: unknown,
  wanted = "{ host, port } or { path }",
): Error | undefined {
  if (typeof options !== "object" || options === null) return expected(where, wanted, options);
  const { host, port, path, localHost, backlog } = options as Record<string, unknown>;
  if (path !== undefined) {
    if (typeof path !== "string" || path === "") return expected(where, "a path that is not empty", path);
  } else if (port === undefined && host === undefined && !("port" in (options as object))) {
    return expected(where, "a port or a path", port);
  } else if (!isWhole(port, 0) || (port as number) > 65_535) {
    return new RangeError(`${where}: expected a port from 0 to 65535, got ${describe(port)}`);
  }
  for (const [name, value] of Object.entries({ host, localHost })) {
    if (value !== undefined && typeof value !== "string")
      return expected(where, `a ${name}, a name or an address`, value);
  }
  if (backlog === undefined || isWhole(backlog, 1)) return undefined;
  return new RangeError(`${where}: expected a backlog of at least 1, got ${describe(backlog)}`);
}

/** The same of a datagram endpoint, whose addresses may both be missing. */
export function objectionToEndpoint(where: string, options: unknown): Error | undefined {
  const bad = objectionToOptions(where, options);
  if (bad !== undefined) return bad;
  const { local, remote } = options as Record<string, unknown>;
  return (
    (local === undefined ? undefined : objectionToAddress(`${where}: local`, local, "{ host, port }")) ??
    (remote === undefined ? undefined : objectionToAddress(`${where}: remote`, remote, "{ host, port }"))
  );
}

/** The same of the address that a datagram goes to. */
export function objectionToDestination(where: string, to: unknown): Error | undefined {
  const { host, port } = Object(to) as Record<string, unknown>;
  if (typeof host !== "string") {
    const isAddress = typeof to === "object" && to !== null;
    return expected(
      where,
      isAddress ? "a host, a name or an address" : "as address { host, port }",
      isAddress ? host : to,
    );
  }
  if (isWhole(port, 0) && (port as number) <= 65_535) return undefined;
  return new RangeError(`${where}: expected a port from 0 to 65535, got ${describe(port)}`);
}

/** The same of a program. Node ends the process for a descriptor that is no whole number. */
export function objectionToProgram(where: string, command: unknown, options: unknown): Error | undefined {
  const bad = objectionToCommand(where, command) ?? objectionToOptions(where, options);
  if (bad !== undefined) return bad;
  for (const name of ["stdin", "stdout", "stderr"]) {
    const stdio = (options as Record<string, unknown>)[name];
    if (stdio === undefined || stdio === "pipe" || stdio === "ignore" || isWhole(stdio, 0)) continue;
    return expected(where, `as ${name} "pipe", "ignore" or the number of a descriptor`, stdio);
  }
  return undefined;
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isInteger(value) && (value as number) >= least;
}

function expected(where: string, what: string, value: unknown): TypeError {
  return new TypeError(`${where}: expected ${what}, got ${describe(value)}`);
}
