import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { OutputDigest } from "./output-digest.ts";

test.each([
  ["nothing", []],
  ["a few words", [3, 5, 1]],
  ["exactly what is put together", [2_047, 1]],
  ["more than is put together", [2_000, 49, 2_048, 1, 0, 2]],
  ["parts longer than that", [10, 60_000, 2_049, 10]],
])("the digest of %s is that of all parts, whatever becomes of them later", (_what, lengths) => {
  const digest = new OutputDigest();
  const whole = createHash("sha256");
  for (const [at, length] of lengths.entries()) {
    const part = Buffer.alloc(length, 97 + at);
    whole.update(part);
    digest.add(part);
    part.fill(0);
  }
  expect(digest.hex()).toBe(whole.digest("hex"));
});
