/** Byte streams over TCP, listeners, and framings. */
import "./loops/default.ts";
import "./loops/sockets.ts";

export { type Address, formatAddress, type SocketAddress, type UnixAddress } from "./kernel/addresses.ts";
export { DatagramError, DatagramTooLargeError } from "./net/datagram-errors.ts";
export type { Datagram, DatagramSocket, MulticastOptions } from "./net/datagram-socket.ts";
export { type ListenTcpOptions, listen, type TcpListener } from "./net/listener.ts";
export { type ServeOptions, serve } from "./net/serve.ts";
export { openTcp, type TcpOptions } from "./net/tcp.ts";
export { type OpenTlsOptions, openTls, tlsClient, tlsServer } from "./net/tls.ts";
export { listenTls, type TlsListener, tlsListener } from "./net/tls-listener.ts";
export type { TlsStream } from "./net/tls-stream.ts";
export { openUdp, type UdpOptions } from "./net/udp.ts";
export { openUnix, type UnixOptions } from "./net/unix.ts";
export { type ListenUnixOptions, listenUnix, type UnixListener } from "./net/unix-listener.ts";
export { IncompleteReadError } from "./streams/buffered-errors.ts";
export { BufferedReader, type BufferedReaderOptions } from "./streams/buffered-reader.ts";
export type {
  ByteStream,
  Closable,
  ReceiveStream,
  SendStream,
  SocketStream,
  UnixStream,
} from "./streams/byte-stream.ts";
export { ConnectError, FrameError, ListenError } from "./streams/errors.ts";
export { type FrameReader, readFrames } from "./streams/framed-reader.ts";
export { type FramedStream, framed } from "./streams/framed-stream.ts";
export { type ContentLengthOptions, contentLength } from "./streams/framing/content-length.ts";
export type { Frame, FrameDecoder, Framing } from "./streams/framing/framing.ts";
export { type LengthPrefixedOptions, lengthPrefixed } from "./streams/framing/length-prefixed.ts";
export { type LinesOptions, lines } from "./streams/framing/lines.ts";
export { type UntilEofOptions, untilEof } from "./streams/framing/until-eof.ts";
export type { Listener } from "./streams/listener.ts";
export { memoryPair } from "./streams/memory-pair.ts";
export { stapled } from "./streams/stapled.ts";
export { type Pem, type TlsContext, type TlsContextOptions, type TlsVersion, tlsContext } from "./tls/context.ts";
export type { TlsSession } from "./tls/engine.ts";
export { TlsError, type TlsFailureReason } from "./tls/errors.ts";
export type { TlsClientOptions, TlsOptions, TlsServerOptions } from "./tls/options.ts";
