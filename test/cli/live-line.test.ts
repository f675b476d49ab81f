import assert from "node:assert/strict";
import test from "node:test";
import { LiveLine, type Terminal } from "../../src/cli/live-line.ts";

/** What a terminal of one row shows after `text` was written to it. Understands what the live line uses. */
class Screen implements Terminal {
  readonly isTTY = true;
  columns: number;
  row = "";
  cursor = 0;
  wraps = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    for (const [index, part] of text.split("\r").entries()) {
      if (index > 0) this.cursor = 0;
      for (const [index, piece] of part.split("\u001b[K").entries()) {
        if (index > 0) this.row = this.row.slice(0, this.cursor);
        this.#put(piece);
      }
    }
  }

  #put(text: string): void {
    this.row = this.row.slice(0, this.cursor) + text + this.row.slice(this.cursor + text.length);
    this.cursor += text.length;
    if (this.cursor >= this.columns) this.wraps++;
  }
}

test("a shorter text leaves nothing of a longer one", () => {
  const screen = new Screen(80);
  const line = new LiveLine(screen);
  line.show("a long text");
  line.show("short");
  assert.equal(screen.row, "short");
  assert.equal(screen.cursor, 5);
});

test("a text is cut so that it does not wrap, not even with the ^C of a terminal behind it", () => {
  const screen = new Screen(20);
  const line = new LiveLine(screen);
  line.show("x".repeat(200));
  screen.write("^C");
  assert.equal(screen.row, `${"x".repeat(17)}^C`);
  assert.equal(screen.wraps, 0);
});

test("the width is that of the moment", () => {
  const screen = new Screen(20);
  const line = new LiveLine(screen);
  line.show("x".repeat(200));
  screen.columns = 10;
  line.show("x".repeat(200));
  assert.equal(screen.row, "x".repeat(7));
});

test("cleared, the row is empty and the cursor at its beginning", () => {
  const screen = new Screen(80);
  const line = new LiveLine(screen);
  line.show("text");
  line.clear();
  assert.equal(screen.row, "");
  assert.equal(screen.cursor, 0);
});

test("a terminal that does not know its width counts as one of 80 columns", () => {
  const screen = new Screen(0);
  new LiveLine(screen).show("x".repeat(200));
  assert.equal(screen.row.length, 77);
});

test("nothing is written where there is no terminal, and no clearing before anything was shown", () => {
  const written: string[] = [];
  const pipe = new LiveLine({ write: (text) => written.push(text) });
  pipe.show("text");
  pipe.clear();
  new LiveLine({ isTTY: true, write: (text) => written.push(text) }).clear();
  assert.deepEqual(written, []);
  assert.equal(pipe.isLive, false);
});
