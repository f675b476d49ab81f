/** Byte streams over TCP, listeners, and framings. */
import "./loops/default.ts";
import "./loops/sockets.ts";

export { type Address, formatAddress, type SocketAddress, type UnixAddress } from "./kernel/addresses.ts";
export { DatagramError, DatagramTooLargeError } from "./net/datagram-errors.ts";
export type { Datagram, DatagramSocket, MulticastOptions } from "./net/datagram-socket.ts";
export { type ListenTcpOptions, listen, type TcpListener } from "./net/listener.ts";
export { type ServeOptions, serve } from "./net/serve.ts";
export { openTcp, type TcpOptions } from "./net/tcp.ts";
export { openUdp, type UdpOptions } from "./net/udp.ts";
export { openUnix, type UnixOptions } from "./net/unix.ts";
export { type ListenUnixOptions, listenUnix, type UnixListener } from "./net/unix-listener.ts";
export type {
  ByteStream,
  Closable,
  ReceiveStream,
  SendStream,
  SocketStream,
  UnixStream,
} from "./streams/byte-stream.ts";
export type { FrameDecoder, Framing } from "./streams/framing/framing.ts";
export { type LengthPrefixedOptions, lengthPrefixed } from "./streams/framing/length-prefixed.ts";
export type { Listener } from "./streams/listener.ts";
export { memoryPair } from "./streams/memory-pair.ts";
export { stapled } from "./streams/stapled.ts";
