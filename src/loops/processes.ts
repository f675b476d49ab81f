/** Gives Node's loop its subprocesses. Imported by the entries that start some. */
import { installProcesses } from "./node/loop.ts";
import { NodeProcesses } from "./node/processes.ts";

installProcesses((turnBegan) => new NodeProcesses(turnBegan));
