/**
 * Subprocesses through `node:child_process`, each the leader of a session and so of a process group, with its pipes as transports.
 *
 * - The pipes of Node are socket pairs, in which both directions could be used. A child whose reader closes while it is blocked in a write
 *   gets ECONNRESET, where a real pipe would send SIGPIPE.
 * - Node would destroy the standard input of a child that has ended, and make its outputs flow, also paused ones: so it is not
 *   left to know them.
 * - The number of a group stays taken as long as somebody is in it. It is looked at when the leader has ended: once nobody was left, it is never used
 *   again, as it may be somebody else's by then.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type net from "node:net";
import type { Protocol } from "../../kernel/network.ts";
import type { ChildOptions, ChildTransport, ExitStatus, Processes, SignalName } from "../../kernel/processes.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { TransportSocket } from "./transport-socket.ts";

const DESCRIPTOR_NAMES = ["standard input", "standard output", "standard error"];

export class NodeProcesses implements Processes {
  readonly #turnBegan: () => void;

  /** `turnBegan` is told of each callback that comes from the event loop. */
  constructor(turnBegan: () => void) {
    this.#turnBegan = turnBegan;
  }

  spawn(options: ChildOptions, exited: (status: ExitStatus) => void): Promise<ChildTransport> {
    const { file, args, cwd, env, descriptors } = options;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        cwd,
        env: env ?? process.env,
        detached: true,
        stdio: descriptors.map((what) => (typeof what === "object" ? "pipe" : what)),
      });
      child.on("error", reject);
      // Where no descriptor is left, Node makes none.
      const pipes = (child.stdio as readonly (net.Socket | null | undefined)[] | undefined) ?? [];
      const { pid } = child;
      if (pid === undefined) {
        for (const pipe of pipes) pipe?.destroy();
        return;
      }
      Object.assign(child, { stdin: null, stdout: null, stderr: null, stdio: [] });
      const transport = new NodeChild(child, pid);
      child.once("exit", (code, signal) => {
        this.#turnBegan();
        transport.hasExited();
        exited({ code: code ?? undefined, signal: signal ?? undefined });
      });
      for (const [number, what] of descriptors.entries()) {
        if (typeof what !== "object") continue;
        const name = `${DESCRIPTOR_NAMES[number] ?? `descriptor ${number}`} of ${file} (pid ${pid})`;
        this.#serve(pipes[number] as net.Socket, name, what.pipe);
      }
      resolve(transport);
    });
  }

  #serve(socket: net.Socket, name: string, protocol: Protocol): void {
    const ends = { local: { path: "" }, remote: { path: name } };
    // A socket that Node made is none of ours, and becomes one by what it carries; it reads in the ordinary way, into buffers of its own.
    const transport = new SocketTransport(socket as TransportSocket, ends, protocol, this.#turnBegan);
    if (socket.readable) socket.on("data", (bytes) => transport.received(bytes as Buffer));
  }
}

class NodeChild implements ChildTransport {
  readonly pid: number;
  readonly #child: ChildProcess;
  #isGroupGone = false;

  constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
  }

  hasExited(): void {
    this.isGroupAlive();
  }

  kill(signal: SignalName): boolean {
    return !this.#isOver && send(this.pid, signal);
  }

  killGroup(signal: SignalName): boolean {
    if (this.#isGroupGone) return false;
    if (!send(-this.pid, signal)) this.#isGroupGone = true;
    return !this.#isGroupGone;
  }

  isGroupAlive(): boolean {
    if (this.#isGroupGone || !this.#isOver) return !this.#isGroupGone;
    this.#isGroupGone = !exists(-this.pid) || !hasRunningMember(this.pid);
    return !this.#isGroupGone;
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** False if there is no such process, or group, any more. */
function send(target: number, signal: SignalName): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    if (isCode(error, "ESRCH")) return false;
    throw error;
  }
}

function exists(target: number): boolean {
  try {
    return process.kill(target, 0);
  } catch (error) {
    return !isCode(error, "ESRCH");
  }
}

/**
 * Whether anybody in the group does more than wait for its parent to look at its end: a process whose parent never does stays a member, and can be
 * sent signals, for ever. Where the system does not show its processes, the answer is yes.
 */
function hasRunningMember(group: number): boolean {
  let entries: string[];
  try {
    entries = readdirSync("/proc");
  } catch {
    return true;
  }
  const processes = entries.filter((name) => /^\d+$/.test(name));
  return processes.length === 0 || processes.some((pid) => isRunningIn(group, pid));
}

function isRunningIn(group: number, pid: string): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return false;
  }
  // pid (name) state parent group ...; the name may contain anything.
  const [state, , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(itsGroup) === group && state !== "Z" && state !== "X";
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
