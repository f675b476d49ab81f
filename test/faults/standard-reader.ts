/** Reads standard input to its end, or until it cannot, and says which it was. */
import { run } from "coppice";
import { stdin } from "coppice/process";

await run(async () => {
  try {
    for await (const _ of stdin);
    console.log("end of file");
  } catch (error) {
    const { name, code, message } = error as Error & { code: string };
    console.log(`${name} ${code} ${message}`);
  }
});
