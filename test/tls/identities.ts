/** The certificates of the TLS tests, ready for use; `certificates/make.sh` says who is who. */
import { readFileSync } from "node:fs";
import { type TlsContext, type TlsContextOptions, tlsContext } from "coppice/net";

export const folder: string = `${import.meta.dirname}/certificates`;

type Name = "server" | "second" | "expired" | "client" | "stranger-client";

export function pem(name: string): string {
  return readFileSync(`${folder}/${name}.pem`, "utf8");
}

export function identity(name: Name): { cert: string; key: string } {
  return { cert: pem(name), key: pem(`${name}-key`) };
}

export function serverContext(options: TlsContextOptions = {}): TlsContext {
  return tlsContext({ ...identity("server"), ...options });
}

export function clientContext(options: TlsContextOptions = {}): TlsContext {
  return tlsContext({ ca: pem("ca"), ...options });
}
