/** Addresses of services as URLs. */
import assert from "node:assert/strict";
import test from "node:test";
import { formatEndpoint, parseEndpoint } from "../../src/rpc/endpoint.ts";

const understood: readonly (readonly [url: string, host: string, port: number])[] = [
  ["tcp://127.0.0.1:8000", "127.0.0.1", 8000],
  ["tcp://localhost:1", "localhost", 1],
  ["tcp://service.example.org:65535", "service.example.org", 65_535],
  ["tcp://0.0.0.0:0", "0.0.0.0", 0],
  ["tcp://[::1]:8000", "::1", 8000],
  ["tcp://[::]:80", "::", 80],
  ["tcp://[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80],
  ["tcp://host_name:80/", "host_name", 80],
  ["tcp://host:0080", "host", 80],
];

for (const [url, host, port] of understood) {
  test(`${url} is understood`, () => {
    assert.deepEqual(parseEndpoint(url), { host, port });
  });
}

const refused: readonly (readonly [url: string, why: RegExp])[] = [
  ["", /expected an address like/],
  ["8000", /expected an address like/],
  ["127.0.0.1:8000", /expected an address like/],
  ["tcp:127.0.0.1:8000", /expected an address like/],
  ["tcp://", /expected an address like/],
  ["tcp://127.0.0.1", /expected an address like/],
  ["tcp://127.0.0.1:", /expected an address like/],
  ["tcp://:8000", /expected an address like/],
  ["tcp://host:port", /expected an address like/],
  ["tcp://host:-1", /expected an address like/],
  ["tcp://host:1.5", /expected an address like/],
  ["tcp://host:80/path", /expected an address like/],
  ["tcp://host:80?x=1", /expected an address like/],
  ["tcp://user@host:80", /expected an address like/],
  ["tcp://ho st:80", /expected an address like/],
  ["tcp://::1:80", /expected an address like/],
  ["tcp://[::1]", /expected an address like/],
  ["tcp://[host]:80", /expected an address like/],
  [" tcp://host:80", /expected an address like/],
  ["tcp://host:80\n", /expected an address like/],
  ["tcp://host:65536", /a port is at most 65535/],
  ["tcp://host:99999999999999999999", /a port is at most 65535/],
  ["http://host:80", /only tcp/],
  ["tls://host:80", /only tcp/],
  ["TCP://host:80", /expected an address like/],
];

for (const [url, why] of refused) {
  test(`${JSON.stringify(url)} is refused with its reason`, () => {
    assert.throws(
      () => parseEndpoint(url),
      (error: unknown) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, why);
        assert.ok(error.message.includes(JSON.stringify(url)), "the message names what it got");
        return true;
      },
    );
  });
}

test("what is written is understood again", () => {
  for (const address of [
    { host: "127.0.0.1", port: 8000 },
    { host: "::1", port: 1 },
    { host: "localhost", port: 65_535 },
  ]) {
    assert.deepEqual(parseEndpoint(formatEndpoint(address)), address);
  }
});
