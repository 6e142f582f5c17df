import { expect, test } from "vitest";
import { PoisonList } from "./poison.ts";

const body = (text: string) => Buffer.from(text);

test("a body is refused under its key for ten minutes, and no other body or key is", () => {
  let nowMs = 0;
  const poison = new PoisonList({ nowMs: () => 0, monotonicMs: () => nowMs });
  poison.add("key", body("crash"));
  expect(poison.has("key", body("crash"))).toBe(true);
  expect(poison.has("key", body("crush"))).toBe(false);
  expect(poison.has("other", body("crash"))).toBe(false);
  nowMs = 600_000;
  expect(poison.has("key", body("crash"))).toBe(false);
});

test("the oldest makes room for the ten thousand and first", () => {
  const poison = new PoisonList({ nowMs: () => 0, monotonicMs: () => 0 });
  for (let n = 0; n <= 10_000; n += 1) poison.add("key", body(String(n)));
  expect(poison.has("key", body("0"))).toBe(false);
  expect(poison.has("key", body("1"))).toBe(true);
});
