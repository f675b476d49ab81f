/** The error of TLS, and what its failures mean in plain words, with what to do. */
import { BrokenError, identify } from "../kernel/errors.ts";

/**
 * What went wrong, for programs.
 *
 * - `not-tls`: what came is no TLS. `protocol-version`: no version in common.
 * - `certificate-expired`, `certificate-not-yet-valid`, `certificate-untrusted`, `host-mismatch`: the peer's certificate was refused here.
 * - `certificate-refused`, `client-certificate-required`: the peer refused ours, or one side asks for one and got none.
 * - `no-common-protocol`: no application protocol (ALPN) in common. `handshake-refused`: nothing else in common, or the peer gave no reason.
 * - `handshake-timeout`, `handshake-cut`: the handshake did not come to its end.
 * - `truncated`: the connection ended without the peer's close_notify. `damaged`: a record was changed on its way.
 * - `other`: see `opensslCode`.
 */
export type TlsFailureReason =
  | "not-tls"
  | "protocol-version"
  | "certificate-expired"
  | "certificate-not-yet-valid"
  | "certificate-untrusted"
  | "host-mismatch"
  | "certificate-refused"
  | "client-certificate-required"
  | "no-common-protocol"
  | "handshake-refused"
  | "handshake-timeout"
  | "handshake-cut"
  | "truncated"
  | "damaged"
  | "other";

/** A failure, of which an error is made where somebody waits. */
export interface TlsFailure {
  readonly reason: TlsFailureReason;
  readonly words: string;
  readonly cause?: unknown;
}

/**
 * A TLS connection failed: in the handshake, or later. It is a `BrokenError`, so what copes with a lost connection copes with it, too.
 * `reason` says what happened, `opensslCode` is OpenSSL's or Node's own name for it, where there is one.
 */
export class TlsError extends BrokenError {
  declare readonly code: "TLS";
  readonly reason: TlsFailureReason;
  readonly opensslCode: string | undefined;

  constructor(doing: string, failure: TlsFailure) {
    super(`${doing}: ${failure.words}`, failure.cause === undefined ? {} : { cause: failure.cause });
    this.reason = failure.reason;
    this.opensslCode = codeOf(failure.cause);
  }

  static {
    identify(TlsError, "TlsError", "TLS");
  }
}

type Meaning = readonly [pattern: RegExp, reason: TlsFailureReason, words: string];

/** First match wins. Names as OpenSSL and Node give them; `ALERT` is what the peer said. */
const meanings: readonly Meaning[] = [
  [/^ERR_SSL_HTTP_REQUEST$/, "not-tls", "the peer speaks plain HTTP: it must use https here"],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTPS_PROXY_REQUEST|RECORD_TOO_SMALL|RECORD_LAYER_FAILURE)$/,
    "not-tls",
    "what the peer sent is not TLS: check the port, and whether both ends are meant to speak TLS yet",
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_(LOW|HIGH)|INAPPROPRIATE_FALLBACK/,
    "protocol-version",
    "the two ends have no version of TLS in common: see minVersion and maxVersion",
  ],
  [/^CERT_HAS_EXPIRED$/, "certificate-expired", "the peer's certificate has expired: it must be renewed there"],
  [
    /^CERT_NOT_YET_VALID$/,
    "certificate-not-yet-valid",
    "the peer's certificate is not valid yet: check the clocks of both machines",
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/,
    "certificate-untrusted",
    "the peer's certificate is signed by itself and not trusted here: if it should be, name it in ca",
  ],
  [
    /^(UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|CERT_|CRL_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH)/,
    "certificate-untrusted",
    "the peer's certificate is not signed by an authority that is trusted here: if it should be, name the authority in ca; the peer must send the certificates in between",
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_/,
    "host-mismatch",
    "the peer's certificate is for another name: check the host, or set serverName",
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE|CERTIFICATE_REQUIRED/,
    "client-certificate-required",
    "the server requires a certificate of the client: give cert and key to the client's tlsContext",
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_(UNKNOWN|EXPIRED|REVOKED)|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|ACCESS_DENIED)/,
    "certificate-refused",
    "the peer refused this side's certificate",
  ],
  [
    /NO_APPLICATION_PROTOCOL/,
    "no-common-protocol",
    "the two ends have no application protocol in common: see alpnProtocols",
  ],
  [
    /DECRYPTION_FAILED|BAD_RECORD_MAC|BAD_MAC|DIGEST_CHECK_FAILED|DECRYPT_ERROR/,
    "damaged",
    "a record was changed on its way, or the peer lost count of its keys",
  ],
  [
    /NO_SHARED_(CIPHER|GROUP|SIGNATURE)|ALERT_HANDSHAKE_FAILURE|NO_SUITABLE|ALERT_INTERNAL_ERROR|ALERT_UNRECOGNIZED_NAME|NO_CERTIFICATE_SET/,
    "handshake-refused",
    "the two ends could not agree: no cipher or kind of certificate in common, or the peer refused for its own reasons",
  ],
];

/** What an error of OpenSSL, or of Node's TLS, means. */
export function failureOf(cause: unknown): TlsFailure {
  const code = codeOf(cause);
  const said = cause instanceof Error ? cause.message : String(cause);
  const found = code === undefined ? undefined : meanings.find(([pattern]) => pattern.test(code));
  if (found === undefined) return { reason: "other", words: `TLS failed (${code ?? said})`, cause };
  const [, reason, words] = found;
  // A mismatch of names is explained by the names.
  const detail = reason === "host-mismatch" ? said : code;
  return { reason, words: `${words} (${detail})`, cause };
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}
