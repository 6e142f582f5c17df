import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import { Credit, GRANT_BYTES_AT_ONCE } from "./credit.ts";
import { DEFAULT_TIMEOUTS, Watch } from "./delivery-time.ts";
import { createGrantPacer, GRANT_PACE_MS } from "./grant-pacer.ts";

/** A credit of an attempt that notes its grants, under a pacer whose timer is turned by hand. */
function opened() {
  const grants: number[] = [];
  const timers: { run: () => void; ms: number }[] = [];
  const pacer = createGrantPacer((run, ms) => void timers.push({ run, ms }));
  const watch = new Watch(DEFAULT_TIMEOUTS, {
    clock: manualClock(0),
    supplierSilent() {},
    expectedMs: () => 0,
    supplierTooSlow() {},
    clientStalled() {},
    outOfTime() {},
  });
  const credit = new Credit(watch, pacer);
  credit.attach({
    cancel() {},
    grant: (bytes) => void grants.push(bytes),
    clock: () => {
      throw new Error("nobody asks");
    },
  });
  const came = (bytes: number, taken = true) => {
    credit.used(bytes);
    credit.forwarded(taken);
  };
  return { credit, came, grants, timers, turn: () => timers.shift()?.run() };
}

test("small tokens are granted together, when their moment has come", () => {
  const { came, grants, timers, turn } = opened();
  for (let token = 0; token < 10; token += 1) came(5);
  expect(grants).toEqual([]);
  expect(timers.map(({ ms }) => ms)).toEqual([GRANT_PACE_MS]);
  turn();
  expect(grants).toEqual([50]);
  came(7);
  turn();
  expect(grants).toEqual([50, 7]);
});

test("a quarter of the credit is granted at once", () => {
  const { came, grants, turn } = opened();
  came(1);
  came(GRANT_BYTES_AT_ONCE);
  expect(grants).toEqual([GRANT_BYTES_AT_ONCE + 1]);
  turn();
  expect(grants).toEqual([GRANT_BYTES_AT_ONCE + 1]);
});

test("a slow client is granted nothing until it takes what was written, and all of it then", () => {
  const { credit, came, grants, turn } = opened();
  came(5);
  came(6, false);
  turn();
  came(GRANT_BYTES_AT_ONCE);
  expect(grants).toEqual([]);
  credit.drained();
  expect(grants).toEqual([GRANT_BYTES_AT_ONCE + 11]);
});

test("what the attempt before used is not granted to the next", () => {
  const { credit, came, grants, turn } = opened();
  came(5);
  credit.attach({
    cancel() {},
    grant: (bytes) => void grants.push(bytes),
    clock: () => null as never,
  });
  turn();
  expect(grants).toEqual([]);
});
