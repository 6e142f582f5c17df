import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import { createNonces } from "./nonces.ts";

const START_MS = 1_000_000;

test("a nonce is good once per key, and again when its time has passed", () => {
  const clock = manualClock(START_MS);
  const nonces = createNonces({ clock });
  expect(nonces.peek("a", "n")).toBe("fresh");
  expect(nonces.take("a", "n", START_MS + 31_000)).toBe("fresh");
  expect(nonces.take("a", "n", START_MS + 31_000)).toBe("used");
  expect(nonces.take("b", "n", START_MS + 31_000)).toBe("fresh");
  clock.advance(31_000);
  expect(nonces.peek("a", "n")).toBe("used");
  clock.advance(5_000);
  expect(nonces.peek("a", "n")).toBe("fresh");
});

test("a full key refuses and forgets nothing, and other keys go on", () => {
  const clock = manualClock(START_MS);
  const nonces = createNonces({ clock }, { perKeyMax: 2, max: 3 });
  for (const nonce of ["1", "2"]) expect(nonces.take("a", nonce, START_MS)).toBe("fresh");
  expect(nonces.take("a", "3", START_MS)).toBe("full");
  expect(nonces.take("a", "1", START_MS)).toBe("used");
  expect(nonces.take("b", "1", START_MS + 60_000)).toBe("fresh");
  expect(nonces.take("c", "1", START_MS)).toBe("full");
  clock.advance(5_001);
  expect(nonces.take("a", "3", START_MS + 60_000)).toBe("fresh");
});
