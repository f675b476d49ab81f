/** The process port of Node's loop, at the level of callbacks. */
import assert from "node:assert/strict";
import test from "node:test";
import { currentLoop, type Loop } from "coppice";
import "coppice/process";
import type { Protocol, Transport } from "../../src/kernel/network.ts";
import type { ChildDescriptor, ChildTransport, ExitStatus } from "../../src/kernel/processes.ts";
import { withoutChildren } from "../support/processes.ts";
import { eventually } from "../support/real.ts";
import { rejection } from "../support/rejection.ts";
import { virtually } from "../support/virtual.ts";

/** Writes down what it hears. */
class Note implements Protocol {
  readonly heard: string[];
  readonly name: string;
  transport!: Transport;

  constructor(name: string, heard: string[]) {
    this.name = name;
    this.heard = heard;
  }
  connectionMade(transport: Transport): void {
    this.transport = transport;
    this.heard.push(`${this.name} made`);
  }
  dataReceived(bytes: Uint8Array): void {
    this.heard.push(`${this.name} data ${String(Buffer.from(bytes))}`);
  }
  eofReceived(): void {
    this.heard.push(`${this.name} eof`);
  }
  connectionLost(error: Error | undefined): void {
    this.heard.push(`${this.name} lost ${error === undefined ? "in order" : (error as { code?: string }).code}`);
  }
  pauseWriting(): void {
    this.heard.push(`${this.name} pause`);
  }
  resumeWriting(): void {
    this.heard.push(`${this.name} resume`);
  }
}

interface Started {
  readonly child: ChildTransport;
  readonly heard: string[];
  readonly pipes: readonly Note[];
}

async function start(line: string, count = 3, loop: Loop = currentLoop()): Promise<Started> {
  const heard: string[] = [];
  const pipes = Array.from({ length: count }, (_, index) => new Note(String(index), heard));
  const descriptors: ChildDescriptor[] = pipes.map((pipe) => ({ pipe }));
  const exited = ({ code, signal }: ExitStatus): void => {
    heard.push(`exited ${code ?? signal}`);
  };
  const child = await loop.processes.spawn({ file: "/bin/sh", args: ["-c", line], descriptors }, exited);
  return { child, heard, pipes };
}

const heardAll = (heard: readonly string[], count: number): Promise<void> =>
  eventually(
    () => heard.length >= count,
    () => `expected ${count} calls: ${heard.join(", ")}`,
  );

test("pipes are made before anything else is heard; each is lost once, and the end is told once", () =>
  withoutChildren(async () => {
    const { heard, pipes } = await start("read line; echo out $line; echo err >&2; exit 3");
    assert.deepEqual(heard, ["0 made", "1 made", "2 made"]);
    pipes[0]?.transport.write(Buffer.from("in\n"));
    pipes[0]?.transport.close();
    await heardAll(heard, 11);
    const of = (name: string): string[] => heard.filter((call) => call.startsWith(name));
    assert.deepEqual(of("0"), ["0 made", "0 lost in order"]);
    assert.deepEqual(of("1"), ["1 made", "1 data out in\n", "1 eof", "1 lost in order"]);
    assert.deepEqual(of("2"), ["2 made", "2 data err\n", "2 eof", "2 lost in order"]);
    assert.deepEqual(of("exited"), ["exited 3"]);
    assert.equal(heard.length, 11);
  }));

test("the end of a child and the end of its pipes are apart, whichever comes first", () =>
  withoutChildren(async () => {
    const first = await start("exec >&- 2>&- <&-; sleep 0.2; exit 4");
    await heardAll(first.heard, 7);
    assert.ok(!first.heard.includes("exited 4"), first.heard.join());
    first.pipes[0]?.transport.abort();
    await heardAll(first.heard, 9);
    assert.ok(first.heard.includes("exited 4"));
    const later = await start("sleep 100 & exit 5");
    await heardAll(later.heard, 4);
    assert.deepEqual(later.heard.slice(3), ["exited 5"]);
    assert.equal(later.child.isGroupAlive(), true);
    assert.equal(later.child.kill("SIGTERM"), false);
    assert.equal(later.child.killGroup("SIGTERM"), true);
    await heardAll(later.heard, 8);
    await eventually(
      () => !later.child.isGroupAlive(),
      () => "the group lives on",
    );
    assert.equal(later.child.killGroup("SIGTERM"), false);
    later.pipes[0]?.transport.abort();
    await heardAll(later.heard, 9);
  }));

test("a child that does not read pauses the writer; when it reads again, the writer is told; when it ends, it is lost", () =>
  withoutChildren(async () => {
    const { heard, pipes } = await start("read go <&3; cat >/dev/null; exit 0", 4);
    pipes[0]?.transport.write(Buffer.alloc(2_000_000));
    assert.ok(heard.includes("0 pause"));
    pipes[3]?.transport.write(Buffer.from("go\n"));
    await eventually(
      () => heard.includes("0 resume"),
      () => heard.join(),
    );
    pipes[0]?.transport.writeEof();
    await eventually(
      () => heard.includes("exited 0"),
      () => heard.join(),
    );
    pipes[3]?.transport.abort();
    await eventually(
      () => heard.filter((call) => call.includes("lost")).length === 4,
      () => heard.join(),
    );
  }));

test("a child that closes its input while much is on the way to it: the pipe is lost with EPIPE", () =>
  withoutChildren(async () => {
    const { heard, pipes } = await start("exec <&-; sleep 0.2", 1);
    await eventually(
      () => {
        pipes[0]?.transport.write(Buffer.alloc(100_000));
        return heard.some((call) => call.startsWith("0 lost"));
      },
      () => heard.join(),
    );
    assert.ok(heard.includes("0 lost EPIPE") || heard.includes("0 lost ECONNRESET"), heard.join());
    await eventually(
      () => heard.includes("exited 0"),
      () => heard.join(),
    );
  }));

test("paused, nothing is read; resumed, it is", () =>
  withoutChildren(async () => {
    const { heard, pipes } = await start("echo one; sleep 0.1; echo two", 2);
    pipes[1]?.transport.pauseReading();
    pipes[0]?.transport.close();
    await eventually(
      () => heard.includes("exited 0"),
      () => heard.join(),
    );
    assert.ok(!heard.some((call) => call.startsWith("1 data")), heard.join());
    pipes[1]?.transport.resumeReading();
    await eventually(
      () => heard.includes("1 lost in order"),
      () => heard.join(),
    );
    assert.equal(
      heard
        .filter((call) => call.startsWith("1 data"))
        .map((call) => call.slice(7))
        .join(""),
      "one\ntwo\n",
    );
  }));

test("what cannot be started is the system's error, and its protocols hear nothing", () =>
  withoutChildren(async () => {
    const heard: string[] = [];
    const spawning = currentLoop().processes.spawn(
      { file: "no-such-program", args: [], descriptors: [{ pipe: new Note("0", heard) }] },
      () => heard.push("exited"),
    );
    assert.equal(((await rejection(spawning)) as { code?: string }).code, "ENOENT");
    await new Promise(setImmediate);
    assert.deepEqual(heard, []);
  }));

test("a virtual run has no subprocesses, and says so", () =>
  virtually(async () => {
    const error = await rejection(start("true"));
    assert.match(String(error), /a virtual run has no subprocesses, which live in real time/);
  }));
