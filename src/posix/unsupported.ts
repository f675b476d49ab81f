/** What this system or this Node cannot do. */
export class UnsupportedError extends Error {
  declare readonly code: "UNSUPPORTED";

  static {
    Object.defineProperty(UnsupportedError.prototype, "name", { value: "UnsupportedError", configurable: true });
    Object.defineProperty(UnsupportedError.prototype, "code", { value: "UNSUPPORTED", configurable: true });
  }
}
