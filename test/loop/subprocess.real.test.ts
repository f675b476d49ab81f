/** Child processes at the level of callbacks. */
import assert from "node:assert/strict";
import test from "node:test";
import { cancelScope, moveOnAfter } from "coppice";
import {
  currentEventLoop,
  EventLoop,
  type ExceptionContext,
  NodeLoop,
  SelectorLoop,
  SubprocessProtocol,
  type SubprocessTransport,
} from "coppice/loop";

class Child extends SubprocessProtocol {
  transport!: SubprocessTransport;
  readonly log: string[] = [];
  readonly text = ["", "", ""];
  error: Error | undefined;
  #watchers: (() => void)[] = [];

  override connectionMade(transport: SubprocessTransport): void {
    this.transport = transport;
    this.note("made");
  }

  override pipeDataReceived(fd: number, bytes: Uint8Array): void {
    this.text[fd] += Buffer.from(bytes).toString();
    this.note(`data ${fd}`);
  }

  override pipeConnectionLost(fd: number): void {
    this.note(`end ${fd}`);
  }

  override processExited(): void {
    this.note("exited");
  }

  override connectionLost(error: Error | undefined): void {
    this.error = error;
    this.note("lost");
  }

  override pauseWriting(): void {
    this.note("pause");
  }

  override resumeWriting(): void {
    this.note("resume");
  }

  async has(event: string): Promise<void> {
    while (!this.log.includes(event)) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  protected note(event: string): void {
    assert.ok(!this.log.includes("lost"), `${event} after the end`);
    if (this.log.at(-1) !== event || !event.startsWith("data")) this.log.push(event);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

for (const makeLoop of [() => new NodeLoop(), () => new SelectorLoop()]) {
  const inLoop = (fn: (loop: EventLoop) => Promise<void>): (() => Promise<void>) => {
    return async () => {
      await using loop = new EventLoop(makeLoop());
      await loop.runUntilComplete(() => fn(loop));
    };
  };
  const { name } = makeLoop();

  test(
    `${name} loop: a child reads what is written to it, and its output comes by descriptor`,
    inLoop(async (loop) => {
      const script = "read line; echo out $line; echo err $line >&2; exit 3";
      const [transport, child] = await loop.subprocessExec(() => new Child(), ["sh", "-c", script]);
      assert.equal(transport.exitStatus, undefined);
      assert.ok(transport.pid > 0);
      transport.getPipeTransport(0)?.write(bytes("hello\n"));
      await child.has("lost");
      assert.deepEqual(child.text, ["", "out hello\n", "err hello\n"]);
      assert.deepEqual(transport.exitStatus, { code: 3, signal: undefined });
      assert.equal(child.log[0], "made");
      assert.deepEqual([...child.log].sort(), [
        "data 1",
        "data 2",
        "end 0",
        "end 1",
        "end 2",
        "exited",
        "lost",
        "made",
      ]);
      assert.equal(child.error, undefined);
      assert.equal(transport.sendSignal("SIGTERM"), false);
    }),
  );

  test(
    `${name} loop: nothing is lost of what a child writes at once, however busy its parent is`,
    inLoop(async (loop) => {
      const opened: Promise<[SubprocessTransport, Child]>[] = [];
      for (let number = 0; number < 10; number++) {
        // The slice of time that a task has is used up, so the wait goes round by a turn of the loop.
        const end = performance.now() + 10;
        while (performance.now() < end);
        opened.push(loop.subprocessExec(() => new Child(), ["echo", `child ${number}`]));
      }
      for (const [number, opening] of opened.entries()) {
        const [, child] = await opening;
        await child.has("lost");
        assert.equal(child.log[0], "made");
        assert.equal(child.text[1], `child ${number}\n`);
      }
    }),
  );

  test(
    `${name} loop: the end of what is written is told to the child`,
    inLoop(async (loop) => {
      const [transport, child] = await loop.subprocessExec(() => new Child(), ["cat"]);
      const input = transport.getPipeTransport(0);
      input?.write(bytes("through"));
      input?.writeEof();
      await child.has("lost");
      assert.equal(child.text[1], "through");
      assert.equal(transport.exitStatus?.code, 0);
    }),
  );

  test(
    `${name} loop: exit is not the end of a pipe, which a grandchild may hold`,
    inLoop(async (loop) => {
      const script = "(read line; echo grandchild $line) <&0 & exit 0";
      const [transport, child] = await loop.subprocessExec(() => new Child(), ["bash", "-c", script], {
        stderr: "ignore",
      });
      assert.equal(transport.getPipeTransport(2), undefined);
      await child.has("exited");
      await child.has("end 1");
      await child.has("lost");
      assert.equal(child.log.at(-1), "lost");
      assert.match(child.text[1] ?? "", /^grandchild/);
    }),
  );

  test(
    `${name} loop: terminate, kill and close end a child`,
    inLoop(async (loop) => {
      for (const [how, signal] of [
        ["terminate", "SIGTERM"],
        ["kill", "SIGKILL"],
        ["close", "SIGKILL"],
      ] as const) {
        const [transport, child] = await loop.subprocessExec(() => new Child(), ["sleep", "60"]);
        transport[how]();
        await child.has("lost");
        assert.deepEqual(transport.exitStatus, { code: undefined, signal });
      }
    }),
  );

  test(
    `${name} loop: a writer to a child that does not read is told to pause, and to resume`,
    inLoop(async (loop) => {
      const [transport, child] = await loop.subprocessExec(() => new Child(), ["sh", "-c", "read go; wc -c"]);
      const input = transport.getPipeTransport(0);
      input?.write(bytes("go\n"));
      input?.write(new Uint8Array(4_000_000));
      await child.has("pause");
      await child.has("resume");
      input?.writeEof();
      await child.has("lost");
      assert.equal(child.text[1]?.trim(), "4000000");
    }),
  );

  test(
    `${name} loop: a callback that throws costs the child, and others go on`,
    inLoop(async (loop) => {
      const contexts: ExceptionContext[] = [];
      loop.setExceptionHandler((context) => contexts.push(context));
      const failure = new Error("thrown by the protocol");
      class Failing extends Child {
        override pipeDataReceived(): void {
          throw failure;
        }
      }
      const [other, survivor] = await loop.subprocessExec(() => new Child(), ["cat"]);
      const [transport, child] = await loop.subprocessExec(
        () => new Failing(),
        ["sh", "-c", "echo boom; exec sleep 60"],
      );
      await child.has("lost");
      assert.equal(child.error, failure);
      assert.equal(transport.exitStatus?.signal, "SIGKILL");
      assert.deepEqual(
        contexts.map(({ message, error }) => [message, error]),
        [["pipeDataReceived of Failing threw: its process is killed", failure]],
      );
      other.getPipeTransport(0)?.writeEof();
      await survivor.has("lost");
      assert.equal(other.exitStatus?.code, 0);
    }),
  );

  test(`${name} loop: a program that is not there is the system's error, and the loop's end kills what runs`, async () => {
    const loop = new EventLoop(makeLoop());
    const child = new Child();
    await loop.runUntilComplete(async () => {
      assert.equal(currentEventLoop(), loop);
      await assert.rejects(
        loop.subprocessExec(() => new Child(), ["/no/such/program"]),
        { code: "ENOENT" },
      );
      await cancelScope(async (scope) => {
        scope.cancel();
        await loop.subprocessExec(() => assert.fail("a checkpoint throws"), ["true"]);
      });
      assert.equal(await moveOnAfter(0, () => sleepingChild(loop)), undefined);
      await loop.subprocessExec(() => child, ["sleep", "60"]);
    });
    await loop.close();
    assert.equal(child.log.at(-1), "lost");
    assert.deepEqual(child.transport.exitStatus, { code: undefined, signal: "SIGKILL" });
  });
}

/** Waits for ever beside its child, which the end of the loop kills. */
async function sleepingChild(loop: EventLoop): Promise<string> {
  await loop.subprocessExec(() => new Child(), ["sleep", "60"]);
  await loop.createFuture();
  return "over";
}
