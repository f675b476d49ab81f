/** JSON-RPC 2.0 services. */
import "./loops/default.ts";
import "./loops/sockets.ts";

export {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  RpcError,
  SERVER_STOPPING,
} from "./rpc/errors.ts";
export type { Params } from "./rpc/messages.ts";
export type { Method, Methods } from "./rpc/methods.ts";
export { currentPeer, type Peer } from "./rpc/peer.ts";
export type { PeerOptions } from "./rpc/peer-options.ts";
export { servePeer, serveRpc, withPeer } from "./rpc/service.ts";
