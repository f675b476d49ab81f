/**
 * What one side of a TLS connection brings: its certificate, whom it trusts, what it offers. Made once and used for any number of
 * connections, as parsing keys and authorities is dear.
 *
 * The peer of a client is always verified, and no option turns that off: a certificate that no public authority has signed is
 * trusted by naming it, or its authority, in `ca`.
 */
import { constants } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { checkOptions, describe } from "../kernel/check-function.ts";
import { printsAs } from "../kernel/printed.ts";

/** A text in PEM form; certificates may stand one after the other in it. */
export type Pem = string | Uint8Array;

/** A version of TLS; older ones are not spoken. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** What one side of TLS brings, for `tlsContext`. */
export interface TlsContextOptions {
  /** This side's certificate, followed by those between it and the authority. A server must have one. */
  readonly cert?: Pem;
  /** The private key of `cert`. */
  readonly key?: Pem;
  /** The authorities that are trusted, in place of the public ones that Node.js knows. */
  readonly ca?: Pem | readonly Pem[];
  /** The application protocols on offer, the preferred ones first; a server chooses by its own order. With none in common the handshake fails. */
  readonly alpnProtocols?: readonly string[];
  /**
   * Of a server: what to do about certificates of clients. `"none"` (by default) asks for none; `"optional"` asks, and takes a client
   * that has none; `"required"` does not. One that is shown must be signed by an authority in `ca`, in either case.
   */
  readonly clientCertificates?: "none" | "optional" | "required";
  /**
   * Of a server: the context whose certificate is shown to a client that asks for this name (SNI): by name, where `*.example.com` stands
   * for every name one level below, or as a function. Only the certificate is taken from it. For other names it is that of this context.
   */
  readonly serverNames?: Readonly<Record<string, TlsContext>> | ((serverName: string) => TlsContext | undefined);
  /** By default `"TLSv1.2"`. */
  readonly minVersion?: TlsVersion;
  /** By default `"TLSv1.3"`. */
  readonly maxVersion?: TlsVersion;
}

/** What `tlsContext` makes. */
export interface TlsContext {
  readonly alpnProtocols: readonly string[];
  readonly clientCertificates: "none" | "optional" | "required";
  /** Whether it has a certificate to show. */
  readonly hasCertificate: boolean;
}

/**
 * Reads certificates and keys, and keeps them with what else one side of TLS brings.
 *
 * @throws TypeError if a certificate or key cannot be read, or they do not belong together.
 *
 * @example
 * ```ts
 * const context = tlsContext({ cert: readFileSync("cert.pem"), key: readFileSync("key.pem"), alpnProtocols: ["http/1.1"] });
 * ```
 */
export function tlsContext(options: TlsContextOptions = {}): TlsContext {
  return new Context(options);
}

export class Context implements TlsContext {
  readonly alpnProtocols: readonly string[];
  readonly clientCertificates: "none" | "optional" | "required";
  readonly hasCertificate: boolean;
  readonly secure: SecureContext;
  readonly #byName: TlsContextOptions["serverNames"];

  constructor(options: TlsContextOptions) {
    check(options);
    const { alpnProtocols = [], clientCertificates = "none" } = options;
    this.alpnProtocols = [...alpnProtocols];
    this.clientCertificates = clientCertificates;
    this.hasCertificate = options.cert !== undefined;
    this.secure = secureContext(options);
    this.#byName = options.serverNames;
  }

  /** The certificates for a name that a client asked for. */
  forName(serverName: string): Context | undefined {
    const byName = this.#byName;
    if (byName === undefined) return undefined;
    if (typeof byName === "function") return ownContext(byName(serverName));
    const name = serverName.toLowerCase();
    const wild = name.replace(/^[^.]+/, "*");
    return ownContext(
      Object.hasOwn(byName, name) ? byName[name] : Object.hasOwn(byName, wild) ? byName[wild] : undefined,
    );
  }

  get hasNames(): boolean {
    return this.#byName !== undefined;
  }

  static {
    printsAs(
      Context,
      ({ alpnProtocols, clientCertificates, hasCertificate }) => ({
        alpnProtocols,
        clientCertificates,
        hasCertificate,
      }),
      "TlsContext",
    );
  }
}

let standard: Context | undefined;

/** That of a client that brings none: no certificate, and the public authorities are trusted. */
export function standardContext(): Context {
  standard ??= new Context({});
  return standard;
}

/** @throws TypeError if it was not made by `tlsContext`. */
export function ownContext<T extends TlsContext | undefined>(context: T): Context | Extract<T, undefined> {
  if (context === undefined) return undefined as Extract<T, undefined>;
  if (context instanceof Context) return context;
  throw new TypeError(`expected a context made by tlsContext(), got ${describe(context)}`);
}

/** Whether a host is an address and not a name: SNI knows names only. */
export function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}

function check(options: TlsContextOptions): void {
  checkOptions("tlsContext", options);
  const { cert, key, alpnProtocols = [], clientCertificates, ca } = options;
  if (!Array.isArray(alpnProtocols)) {
    throw new TypeError(`tlsContext: expected alpnProtocols, an array of names, got ${describe(alpnProtocols)}`);
  }
  if ((cert === undefined) !== (key === undefined))
    throw new TypeError(`tlsContext: ${cert === undefined ? "key without cert" : "cert without key"}: give both`);
  for (const protocol of alpnProtocols) {
    if (typeof protocol !== "string" || protocol.length < 1 || protocol.length > 255)
      throw new TypeError(`tlsContext: expected alpnProtocols of 1 to 255 characters, got ${describe(protocol)}`);
  }
  if (clientCertificates !== undefined && !["none", "optional", "required"].includes(clientCertificates))
    throw new TypeError(
      `tlsContext: expected clientCertificates "none", "optional" or "required", got ${describe(clientCertificates)}`,
    );
  const asks = clientCertificates === "optional" || clientCertificates === "required";
  if (asks && ca === undefined)
    throw new TypeError("tlsContext: clientCertificates without ca: name the authorities that may sign them");
}

function secureContext({ cert, key, ca, minVersion, maxVersion }: TlsContextOptions): SecureContext {
  const given = { cert, key, ca, minVersion, maxVersion } as Record<string, unknown>;
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  try {
    // Renegotiation is gone from TLS 1.3 and was never safe before it: one that is asked for is declined, and the connection goes on.
    return createSecureContext({ ...options, secureOptions: constants.SSL_OP_NO_RENEGOTIATION });
  } catch (cause) {
    throw new TypeError(`tlsContext: ${whyUnreadable(cause)}`, { cause });
  }
}

function whyUnreadable(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const said = cause instanceof Error ? cause.message : String(cause);
  if (/KEY_VALUES_MISMATCH/.test(code)) return `the private key in key is not that of cert (${code})`;
  if (/NO_START_LINE|UNSUPPORTED|BAD_BASE64|PEM|ASN1/.test(`${code} ${said}`))
    return `cert, key or ca is not in PEM form, or is damaged (${code || said})`;
  if (/BAD_PASSWORD|INTERRUPTED_OR_CANCELLED|BAD_DECRYPT/.test(code))
    return `key is encrypted: decrypt it first, with openssl pkey (${code})`;
  return said;
}
