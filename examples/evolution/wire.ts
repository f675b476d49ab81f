/**
 * What every step of the evolution has in common: what goes over the wire, and what is printed. How the steps wait is what differs.
 *
 *   \0\0\0\x35{"method": "foo", "jsonrpc": "2.0", "id": "e549a9cb"}      length (32 bits, big-endian), then JSON
 *   \0\0\0\x2f{"result":"ok","id":"e549a9cb","jsonrpc":"2.0"}
 */
import { randomBytes } from "node:crypto";
import { type Address, formatAddress } from "coppice/net";

export const HEADER_BYTES = 4;
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** A message as bytes, behind its length. */
export function frame(text: string): Buffer {
  const bytes = Buffer.from(`\0\0\0\0${text}`);
  bytes.writeInt32BE(bytes.length - HEADER_BYTES);
  return bytes;
}

/** The length that a header tells. */
export function lengthOf(header: Uint8Array): number {
  const length = Buffer.from(header).readInt32BE();
  if (length < 0 || length > MAX_FRAME_BYTES) {
    throw new RangeError(`a frame of ${length} bytes: from 0 to ${MAX_FRAME_BYTES} are accepted`);
  }
  return length;
}

/** For those who take bytes as they come: cuts them into messages. */
export class Frames {
  #bytes = Buffer.alloc(0);

  /** Takes the next bytes, and gives the messages that are complete now. */
  push(bytes: Uint8Array): string[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const texts: string[] = [];
    while (this.#bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + lengthOf(this.#bytes.subarray(0, HEADER_BYTES));
      if (this.#bytes.length < end) break;
      texts.push(this.#bytes.toString("utf8", HEADER_BYTES, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    return texts;
  }
}

/** The service: the answer to a request. */
export function answer(request: string): string {
  try {
    const { id = null } = JSON.parse(request);
    return JSON.stringify({ result: "ok", id, jsonrpc: "2.0" });
  } catch (error) {
    return JSON.stringify({ error: { code: -32700, message: `Parse error: ${error}` }, id: null, jsonrpc: "2.0" });
  }
}

/** One side of what a client says: requests, printed, and their answers, printed and checked. */
export class Dialogue {
  readonly #name: string;
  #id = "";

  /** `name` stands before each line, where several clients print. */
  constructor(name = "") {
    this.#name = name;
  }

  request(method: string): string {
    this.#id = randomBytes(4).toString("hex");
    const text = `{"method": "${method}", "jsonrpc": "2.0", "id": "${this.#id}"}`;
    print(`${this.#name}> ${text}`);
    return text;
  }

  check(answer: string): void {
    print(`${this.#name}< ${answer}`);
    const expected = `{"result":"ok","id":"${this.#id}","jsonrpc":"2.0"}`;
    if (answer !== expected) throw new Error(`expected ${expected}`);
  }
}

/** The names of `count` clients: none where there is only one. */
export function clientNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (count === 1 ? "" : `client ${index + 1} `));
}

/** What a server prints first. */
export function listeningAt(address: Address): string {
  return `listening on tcp://${formatAddress(address)}`;
}

/** What a client says when the server ends the conversation. */
export const GONE = "the server closed the connection";

/** What went wrong, in a line on standard error, and as the end of the program. */
export function complain(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
