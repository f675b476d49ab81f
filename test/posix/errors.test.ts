/** `errno` as errors. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import test from "node:test";
import {
  AddressInUseError,
  BrokenPipeError,
  ConnectionAbortedError,
  ConnectionRefusedError,
  ConnectionResetError,
  InterruptedError,
  SystemError,
  TimedOutError,
  TooManyFilesError,
  WouldBlockError,
} from "coppice/selector";
import { systemError } from "../../src/posix/errors.ts";

const { errno } = constants;

for (const [code, errorClass] of [
  ["EAGAIN", WouldBlockError],
  ["EINPROGRESS", WouldBlockError],
  ["ECONNREFUSED", ConnectionRefusedError],
  ["ECONNRESET", ConnectionResetError],
  ["ECONNABORTED", ConnectionAbortedError],
  ["EPIPE", BrokenPipeError],
  ["EADDRINUSE", AddressInUseError],
  ["EINTR", InterruptedError],
  ["ETIMEDOUT", TimedOutError],
  ["EMFILE", TooManyFilesError],
  ["ENFILE", TooManyFilesError],
  ["EACCES", SystemError],
] as const) {
  test(`${code} is a ${errorClass.name}, and says what it means`, () => {
    const error = systemError(errno[code], "connect", "127.0.0.1:80");
    assert.ok(error instanceof errorClass && error instanceof SystemError);
    assert.deepEqual(
      [error.constructor, error.name, error.code, error.errno, error.syscall],
      [errorClass, errorClass.name, code, errno[code], "connect"],
    );
    assert.match(error.message, new RegExp(`^connect 127\\.0\\.0\\.1:80: .{10,} \\(${code}\\)$`));
  });
}

test("a number without a class of its own has the system's words, and an unknown one its number", () => {
  assert.equal(systemError(errno.ENOTDIR, "bind").message, "bind: not a directory (ENOTDIR)");
  assert.equal(systemError(108, "send").code, "ESHUTDOWN");
  assert.deepEqual([systemError(4_000, "send").code, systemError(4_000, "send").errno], ["E4000", 4_000]);
});
