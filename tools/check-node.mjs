// Refuses to go on under a Node.js that is too old, and says what to do about it.
//
// Every npm script runs this first. It is plain JavaScript of 2020 with no dependency, so that the very Node.js that is
// too old can still parse it and print the message instead of a syntax error from the first TypeScript file.

const oldestMajor = 24;
const found = process.version;

if (Number.parseInt(found.slice(1), 10) < oldestMajor) {
  process.stderr.write(
    [
      `This repository needs Node.js ${oldestMajor} or newer; this is ${found} (${process.execPath}).`,
      "",
      "It brings its own: `npm ci` installs a Node.js binary as an optional dependency, and every npm script finds that",
      "binary before the machine's. A failed optional install is silent, so npm may have skipped it without a word",
      "(no binary for this platform, `--omit=optional`, or a download that broke off).",
      "",
      "  1. Run `npm ci` again, and look whether node_modules/.bin/node is there afterwards.",
      `  2. If it is not, install Node.js ${oldestMajor} or newer yourself and put it first on the PATH.`,
      "  3. Start things through npm (`npm test`, `npm start`), not with the machine's `node` directly.",
      "",
    ].join("\n"),
  );
  process.exit(1);
}
