/** Socket addresses in the system's bytes, and back. */
import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import test from "node:test";
import fc from "fast-check";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  type AnyAddress,
  decodeAddress,
  encodeAddress,
  familyOf,
} from "../../src/posix/sockaddr.ts";

function thereAndBack(address: AnyAddress): AnyAddress {
  const bytes = encodeAddress(address);
  return decodeAddress(bytes, bytes.length);
}

test("an IPv4 address is family, port in network order, and four bytes", () => {
  assert.deepEqual(
    [...encodeAddress({ host: "127.0.0.1", port: 0x1f90 })],
    [2, 0, 0x1f, 0x90, 127, 0, 0, 1, ...Array(8).fill(0)],
  );
  assert.deepEqual(thereAndBack({ host: "255.0.10.1", port: 65_535 }), { host: "255.0.10.1", port: 65_535 });
});

for (const [written, read] of [
  ["::1", "::1"],
  ["::", "::"],
  ["1::", "1::"],
  ["2001:DB8::00ff", "2001:db8::ff"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
  ["0:0:1::", "0:0:1::"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ["::ffff:a00:1", "::ffff:10.0.0.1"],
  ["10:0:0:a0:0:0:0:b", "10:0:0:a0::b"],
] as const) {
  test(`the IPv6 address ${written} comes back as ${read}`, () => {
    assert.deepEqual(thereAndBack({ host: written, port: 7 }), { host: read, port: 7 });
  });
}

test("every IPv6 address comes back as one of the same bytes, in the shortest form", () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const host = groups.map((value) => value.toString(16)).join(":");
      const bytes = encodeAddress({ host, port: 1 });
      const back = decodeAddress(bytes, bytes.length);
      assert.ok("host" in back && isIPv6(back.host), JSON.stringify(back));
      assert.deepEqual(encodeAddress(back), bytes);
      // The host's own parser writes the canonical form.
      if (!back.host.includes(".")) assert.equal(`[${back.host}]`, new URL(`http://[${host}]`).hostname);
    }),
  );
});

test("an IPv4 address is mapped for an IPv6 socket", () => {
  const bytes = encodeAddress({ host: "10.0.0.1", port: 9 }, AF_INET6);
  assert.deepEqual(decodeAddress(bytes, bytes.length), { host: "::ffff:10.0.0.1", port: 9 });
});

test("a link-local address keeps its interface", { skip: networkInterfaces().lo === undefined && "no lo" }, () => {
  const named = encodeAddress({ host: "fe80::1%lo", port: 1 });
  const numbered = encodeAddress({ host: `fe80::1%${new DataView(named.buffer).getUint32(24, true)}`, port: 1 });
  assert.deepEqual(named, numbered);
  assert.throws(() => encodeAddress({ host: "fe80::1%nowhere0", port: 1 }), /no network interface "nowhere0"/);
});

test("paths come back, abstract names and the unnamed end too", () => {
  for (const path of ["/run/service.sock", "relative", "/with/Ünïcode", "\0abstract", `/${"x".repeat(106)}`]) {
    assert.deepEqual(thereAndBack({ path }), { path });
  }
  assert.deepEqual(decodeAddress(Uint8Array.of(1, 0), 2), { path: "" });
  assert.deepEqual(decodeAddress(new Uint8Array(112), 0), { path: "" });
});

test("what is no address is refused, and the message names it", () => {
  assert.throws(
    () => encodeAddress({ host: "example.org", port: 1 }),
    /got the host "example.org": resolve names first/,
  );
  for (const port of [-1, 65_536, 1.5, Number.NaN]) {
    assert.throws(() => encodeAddress({ host: "::1", port }), {
      name: "RangeError",
      message: new RegExp(`got ${port}`),
    });
  }
  assert.throws(() => encodeAddress({ path: "" }), /an empty one/);
  assert.throws(() => encodeAddress({ path: "x".repeat(108) }), { code: "ENAMETOOLONG", message: /at most 107 bytes/ });
});

test("the family is told by the address", () => {
  assert.equal(familyOf({ host: "1.2.3.4", port: 1 }), AF_INET);
  assert.equal(familyOf({ host: "::1", port: 1 }), AF_INET6);
  assert.equal(familyOf({ path: "x" }), AF_UNIX);
  assert.equal(familyOf({ host: "name", port: 1 }), undefined);
});
