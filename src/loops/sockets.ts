/** Gives Node's loop its sockets. Imported by every entry that has to do with networking. */
import { installSockets } from "./node/loop.ts";
import { NodeNetwork } from "./node/network.ts";

installSockets((turnBegan) => new NodeNetwork(turnBegan));
