import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAcceptedAttempts } from "./accepted-attempts.ts";

let dir = "";
const path = () => join(dir, "accepted-attempts.log");
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-accepted-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("an attempt is accepted once, also by a process that did not close", () => {
  const accepted = openAcceptedAttempts(dir);
  expect([accepted.claim("a"), accepted.claim("b"), accepted.claim("a")]).toEqual([
    true,
    true,
    false,
  ]);
  const again = openAcceptedAttempts(dir);
  expect([again.claim("b"), again.claim("c"), again.claim("c")]).toEqual([false, true, false]);
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  accepted.close();
  again.close();
});

test("the oldest are forgotten, and the file stays bounded", () => {
  const accepted = openAcceptedAttempts(dir, 10);
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    expect(accepted.claim(`attempt-${attempt}`)).toBe(true);
    expect(readFileSync(path(), "utf8").split("\n").length - 1).toBeLessThanOrEqual(20);
  }
  const again = openAcceptedAttempts(dir, 10);
  expect(again.claim("attempt-990")).toBe(false);
  expect(again.claim("attempt-989")).toBe(true);
  accepted.close();
  again.close();
});

test("a line that was cut short, or is none, spoils no other", () => {
  openAcceptedAttempts(dir).claim("a");
  appendFileSync(path(), "\u0000\u0000\nb\nhalf-a-li");
  const accepted = openAcceptedAttempts(dir);
  expect([accepted.claim("a"), accepted.claim("b"), accepted.claim("half-a-li")]).toEqual([
    false,
    false,
    true,
  ]);
  expect(openAcceptedAttempts(dir).claim("half-a-li")).toBe(false);
});
