/**
 * Calling functions of the running process from JavaScript.
 *
 * Node 26 has `node:ffi`; on Node 24 the optional package koffi does the same. Both look symbols up in the process itself, which has the C
 * library and libuv in it. Nothing is loaded before the first call, so importing this costs nothing and fails nowhere.
 *
 * - `node:ffi` is experimental, and Node says so when it is loaded. That one warning is swallowed here, while it is loaded and no longer:
 *   who uses the selector was told by its documentation. (A program that loads `node:ffi` later itself is then not warned any more.)
 * - `errno` must be read right after the call that failed. With `node:ffi` it is a view of the thread's own variable.
 *
 * Rejected: an addon of our own (a compiler at installation); koffi everywhere (a dependency for what Node can do).
 */
import { createRequire } from "node:module";
import { UnsupportedError } from "./unsupported.ts";

/** The types that our functions have. */
type CType = "void" | "i32" | "u32" | "u64" | "pointer";

export interface Prototype {
  readonly return: CType;
  readonly arguments: readonly CType[];
}

// biome-ignore lint/suspicious/noExplicitAny: stands for functions of every shape.
type ForeignFunction = (...args: any[]) => any;

/** What a foreign function interface must offer. */
export interface Binding {
  readonly name: "node:ffi" | "koffi";
  /** @throws if the process has no such symbol. */
  define(name: string, prototype: Prototype): ForeignFunction;
  address(name: string): bigint;
  errno(): number;
  /** The `uv_loop_t` of this thread, if that can be found out. */
  eventLoop(): bigint | undefined;
}

let binding: Binding | undefined;

/**
 * The interface in use.
 *
 * @throws UnsupportedError on a system that is not Linux on x64 or arm64, or where no foreign function can be called.
 */
export function foreign(): Binding {
  binding ??= load();
  return binding;
}

/** Looks up all functions of a table. @throws if one is missing. */
export function defineAll<T extends object>(table: Record<keyof T, Prototype>): T {
  const { define } = foreign();
  return Object.fromEntries(
    Object.entries<Prototype>(table).map(([name, prototype]) => [name, define(name, prototype)]),
  ) as T;
}

export function returning(result: CType, ...args: readonly CType[]): Prototype {
  return { return: result, arguments: args };
}

function load(): Binding {
  const { arch, platform } = process;
  if (platform !== "linux" || (arch !== "x64" && arch !== "arm64")) {
    throw new UnsupportedError(
      `the selector is epoll, which Linux has on x64 and arm64; this is ${platform} on ${arch}. NodeLoop runs everywhere`,
    );
  }
  return bindNode() ?? bindKoffi();
}

/** Not there on Node 24, and switched off by `--no-experimental-ffi`. */
function bindNode(): Binding | undefined {
  const ffi = withoutWarning(
    "FFI",
    () => process.getBuiltinModule("node:ffi") as typeof import("node:ffi") | undefined,
  );
  if (ffi === undefined) return undefined;
  const { lib } = openProcess(ffi);
  const location = lib.getFunction("__errno_location", { return: "pointer", arguments: [] })();
  const view = new Int32Array(ffi.toArrayBuffer(location, 4, false));
  return {
    name: "node:ffi",
    define: (name, prototype) => lib.getFunction(name, prototype as import("node:ffi").FunctionSignature),
    address: (name) => lib.getSymbol(name),
    errno: () => view[0] as number,
    // Node before 26.6 does not say.
    eventLoop: () => (ffi.getCurrentEventLoop as (() => bigint) | undefined)?.(),
  };
}

function openProcess(ffi: typeof import("node:ffi")): { lib: import("node:ffi").DynamicLibrary } {
  try {
    return ffi.dlopen(null);
  } catch (error) {
    throw new UnsupportedError(
      "Node refuses foreign functions; with --permission they need --allow-ffi, too. NodeLoop runs without",
      { cause: error },
    );
  }
}

const koffiTypes: Record<CType, string> = {
  void: "void",
  i32: "int32_t",
  u32: "uint32_t",
  u64: "uint64_t",
  pointer: "void *",
};

function bindKoffi(): Binding {
  let koffi: typeof import("koffi");
  try {
    koffi = createRequire(import.meta.url)("koffi");
  } catch (error) {
    throw new UnsupportedError(
      `the selector calls the C library, which Node ${process.versions.node} cannot by itself: ` +
        "use Node 26 (without --no-experimental-ffi), or install the package koffi",
      { cause: error },
    );
  }
  const library = koffi.load(null);
  return {
    name: "koffi",
    define: (name, prototype) =>
      library.func(
        name,
        koffiTypes[prototype.return],
        prototype.arguments.map((type) => koffiTypes[type]),
      ),
    address: (name) => library.symbol(name, "void *"),
    errno: () => koffi.errno(),
    eventLoop: () => undefined,
  };
}

/** Calls `load` while the warning that it is experimental goes nowhere; every other one is passed on. */
function withoutWarning<T>(what: string, load: () => T): T {
  const original = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (rest[0] === "ExperimentalWarning" && String(warning).startsWith(what)) return;
    Reflect.apply(original, process, [warning, ...rest]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = original;
  }
}
