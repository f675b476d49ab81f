/** An event loop with signal handlers, in the way that the argument says. */
import { EventLoop } from "coppice/loop";

const loop = new EventLoop();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

switch (process.argv[2]) {
  case "replace":
    loop.addSignalHandler("SIGTERM", () => say("first handler"));
    loop.addSignalHandler("SIGTERM", (a: number, b: number) => say(`second handler: ${a}, ${b}`), 1, 2);
    loop.addSignalHandler("SIGUSR2", () => say("never"));
    if (!loop.removeSignalHandler("SIGUSR2") || loop.removeSignalHandler("SIGUSR2")) say("removed wrongly");
    loop.callSoon(say, "ready");
    await loop.runForever();
    break;
  case "stop":
    loop.addSignalHandler("SIGINT", () => loop.stop());
    loop.callSoon(say, "ready");
    await loop.runForever();
    await loop.close();
    say("stopped");
    break;
  case "wait": {
    const told = loop.createFuture<void>();
    loop.addSignalHandler("SIGINT", () => told.setResult());
    loop.callSoon(say, "ready");
    await loop.runUntilComplete(told);
    say("told");
    break;
  }
  case "close":
    loop.addSignalHandler("SIGTERM", () => say("never"));
    await loop.close();
    say("closed");
    setInterval(() => {}, 1_000);
    break;
  case "throw":
    loop.setExceptionHandler(({ message }) => say(`told: ${message}`));
    loop.addSignalHandler("SIGUSR2", () => {
      throw new Error("in the handler");
    });
    loop.addSignalHandler("SIGINT", () => loop.stop());
    loop.callSoon(say, "ready");
    await loop.runForever();
    break;
  default:
    try {
      loop.addSignalHandler("SIGKILL", () => {});
    } catch (error) {
      say(String((error as NodeJS.ErrnoException).code));
    }
}
