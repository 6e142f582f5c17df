import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadExchangeSecrets, makeNewKey } from "./identity.ts";

let dir = "";
let keyFile = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-identity-"));
  keyFile = join(dir, "exchange.key");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const publicKey = (journalSeq: number) =>
  loadExchangeSecrets(dir, journalSeq).identity.publicKey.toString("base64url");

test("a new exchange gets a key of its own, private, and keeps it", () => {
  const made = publicKey(0);
  expect(publicKey(0)).toBe(made);
  expect(publicKey(99)).toBe(made);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
});

test("an exchange with a past gets no other key unasked, and nothing is written", () => {
  expect(() => publicKey(7)).toThrow(
    /exchange\.key is missing, and the journal beside it ends at event 7\..*Put the copy back.*new-key --data-dir/,
  );
  expect([existsSync(keyFile), existsSync(join(dir, "operator.token"))]).toEqual([false, false]);
});

test("a key that is put back is the one that agents know", () => {
  const made = publicKey(0);
  const text = readFileSync(keyFile);
  rmSync(keyFile);
  writeFileSync(keyFile, text);
  expect(publicKey(7)).toBe(made);
});

test("a new key is made on request, once, and is the exchange's from then on", () => {
  const [made, told] = makeNewKey(dir);
  expect(made).toContain(publicKey(7));
  expect(told).toContain("exchange.pub");
  expect(() => makeNewKey(dir)).toThrow("is there already");
  expect(() => makeNewKey(join(dir, "elsewhere"))).toThrow("does not exist");
});

test.each(["", "c2hvcnQ", "words that are no key at all, though there are more than thirty-two"])(
  "a key file with %j in it is refused, and left as it is",
  (text) => {
    writeFileSync(keyFile, text);
    expect(() => publicKey(7)).toThrow(/exchange\.key holds \d+ bytes, expected 32 in base64url/);
    expect(readFileSync(keyFile, "utf8")).toBe(text);
  },
);
