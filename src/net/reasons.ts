/**
 * What the system's error codes mean, in plain words, with what to do where something can be done.
 *
 * Connecting, listening and datagrams share one table; where a code means something else to one of them, that one looks
 * into its own first.
 */

type Words = Readonly<Record<string, string>>;

const common: Words = {
  EACCES: "this user may not do that (EACCES)",
  EADDRINUSE: "the address is in use (EADDRINUSE)",
  EADDRNOTAVAIL: "this machine does not have that address (EADDRNOTAVAIL)",
  EAFNOSUPPORT: "this machine has no such kind of address (EAFNOSUPPORT)",
  EAI_AGAIN: "the host name could not be looked up for now (EAI_AGAIN): the name server does not answer, try again",
  ECONNABORTED: "the connection was given up before it stood (ECONNABORTED)",
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ECONNRESET: "the other side cut the connection (ECONNRESET)",
  EHOSTDOWN: "the machine is down (EHOSTDOWN)",
  EHOSTUNREACH: "the machine cannot be reached (EHOSTUNREACH)",
  EINVAL: "the system does not take that address (EINVAL)",
  EMFILE: "this process has no file descriptor left (EMFILE): close connections, or raise `ulimit -n`",
  EMSGSIZE: "it is larger than the network takes (EMSGSIZE): send less at a time",
  ENAMETOOLONG: "the path is too long (ENAMETOOLONG)",
  ENETDOWN: "the network is down (ENETDOWN)",
  ENETUNREACH: "there is no way to that network (ENETUNREACH)",
  ENFILE: "the system has no file descriptor left (ENFILE)",
  ENOBUFS: "the system has no memory left for that (ENOBUFS)",
  ENODEV: "there is no network interface for that (ENODEV)",
  ENOENT: "there is no such path (ENOENT)",
  ENOMEM: "the system has no memory left for that (ENOMEM)",
  ENOTDIR: "a part of the path is no folder (ENOTDIR)",
  ENOTFOUND: "the host name is not known (ENOTFOUND)",
  ENOTSOCK: "what is there is no socket (ENOTSOCK)",
  EPERM: "the system forbids it (EPERM): a firewall may be in the way",
  EPROTOTYPE: "what is there is a socket of another kind (EPROTOTYPE)",
  ETIMEDOUT: "no answer (ETIMEDOUT)",
};

const listening: Words = {
  EACCES: "this user may not listen there (EACCES): choose a port above 1023",
  EADDRINUSE: "the port is in use (EADDRINUSE): stop the program that has it, or choose another port",
};

const listeningOnPath: Words = {
  EACCES: "this user may not make a socket there, or there is no such folder (EACCES)",
  EADDRINUSE:
    'the name is taken (EADDRINUSE): stop the program that listens there, or choose another path; with `staleSocket: "replace"` a socket that ' +
    "a dead program left behind is replaced",
};

const connectingToPath: Words = {
  EACCES: "this user may not connect to that socket (EACCES)",
  EAGAIN: "the listener there has too many connections waiting (EAGAIN): try again",
  ECONNREFUSED: "nothing listens there (ECONNREFUSED)",
  ENOENT: "there is no such socket (ENOENT)",
};

const datagrams: Words = {
  EACCES: "this user may not do that (EACCES): a broadcast address needs `broadcast: true`",
  EADDRNOTAVAIL: "there is no such address or group membership here (EADDRNOTAVAIL)",
};

/** The system's code of an error, if it has one. */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** Why a connection could not be made. */
export function whyNotConnected(cause: unknown): string {
  return inWords(cause, common);
}

/** Why a connection to a Unix socket could not be made. */
export function whyNotConnectedToPath(cause: unknown): string {
  return inWords(cause, connectingToPath);
}

/** Why an address could not be listened on. */
export function whyNotListening(cause: unknown): string {
  return inWords(cause, listening);
}

/** Why a Unix socket could not be listened on. */
export function whyNotListeningOnPath(cause: unknown): string {
  return inWords(cause, listeningOnPath);
}

/** What went wrong with a datagram or a multicast group. */
export function whyNoDatagram(cause: unknown): string {
  return inWords(cause, datagrams);
}

function inWords(cause: unknown, own: Words): string {
  const code = codeOf(cause);
  const words = code === undefined ? undefined : (own[code] ?? common[code]);
  if (words !== undefined) return words;
  if (cause === undefined) return "closed before it stood";
  return (cause instanceof Error ? cause.message : String(cause)) || (code ?? "an error without a message");
}
