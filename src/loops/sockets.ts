/** Gives Node's loop its sockets. Imported by every entry that has to do with networking. */
import { installSockets } from "./node/loop.ts";
import { TcpNetwork } from "./node/tcp.ts";

installSockets((turnBegan) => new TcpNetwork(turnBegan));
