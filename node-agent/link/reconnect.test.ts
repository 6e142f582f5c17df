import fc from "fast-check";
import { expect, test } from "vitest";
import {
  keepLinked,
  type Linked,
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
  reconnectPauseMs,
  STABLE_LINK_MS,
} from "./reconnect.ts";
import { LinkRefused } from "./refusal.ts";
import { eventually } from "./scripted-exchange.fixture.ts";
import type { LinkEnd } from "./session.ts";

test("the pause is drawn from 0 to a bound that doubles up to 30 s", () => {
  fc.assert(
    fc.property(fc.nat(5_000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const pauseMs = reconnectPauseMs(failures, () => random);
      const boundMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** failures);
      expect(pauseMs).toBeCloseTo(random * boundMs, 6);
    }),
  );
});

type Kept = ReturnType<typeof kept>;

/** A keeper whose links are made and ended by the test, and whose pauses last until told. */
function kept() {
  const dials: { resolve: (link: Linked) => void; reject: (error: Error) => void }[] = [];
  const pauses: number[] = [];
  const finals: (string | null)[] = [];
  let wake: () => void = () => {};
  let nowMs = 0;
  const keeper = keepLinked(
    {},
    {
      connect: () => new Promise((resolve, reject) => dials.push({ resolve, reject })),
      onDown: (error, pauseMs) => finals.push(pauseMs === null ? error.message : null),
      random: () => 1,
      monotonicMs: () => nowMs,
      wait(ms, signal) {
        pauses.push(ms);
        return new Promise((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve());
        });
      },
    },
  );
  const dial = (index: number) => eventually(`dial ${index}`, () => dials[index]);
  async function link(index: number, ready = Promise.resolve()): Promise<(end: LinkEnd) => void> {
    let end: (end: LinkEnd) => void = () => {};
    const closed = new Promise<LinkEnd>((resolve) => {
      end = resolve;
    });
    (await dial(index)).resolve({ ready, closed, close: async () => {} });
    return end;
  }
  return {
    keeper,
    dials,
    pauses,
    finals,
    dial,
    link,
    /** Waits for the nth pause and ends it. */
    async next(count: number) {
      await eventually(`pause ${count}`, () => pauses[count - 1]);
      wake();
    },
    advance(ms: number) {
      nowMs += ms;
    },
  };
}

test("every failure doubles the pause, and a link that lasted starts anew", async () => {
  const { dial, link, next, pauses, advance, keeper } = kept();
  for (const count of [1, 2, 3]) {
    (await dial(count - 1)).reject(new Error("refused"));
    await next(count);
  }
  const end = await link(3);
  await eventually("the link", () => (pauses.length === 3 ? true : undefined));
  await new Promise((resolve) => setImmediate(resolve));
  advance(STABLE_LINK_MS);
  end({ code: 1006, reason: "" });
  await next(4);
  expect(pauses).toEqual([500, 1_000, 2_000, 500]);
  keeper.stop();
});

test("an exchange's wish when to come back is kept, drawn up to twice as long", async () => {
  const { dial, next, pauses, keeper } = kept();
  (await dial(0)).reject(new LinkRefused("overloaded", "later", true, 4_000));
  await next(1);
  expect(pauses).toEqual([8_000]);
  keeper.stop();
});

test("a spare link is never final, whatever it is told", async () => {
  const pauses: number[] = [];
  const keeper = keepLinked(
    { isSpare: true },
    {
      connect: () => Promise.reject(new LinkRefused("replaced", "no way", false)),
      onDown() {},
      random: () => 0,
      monotonicMs: () => 0,
      async wait(ms) {
        if (pauses.push(ms) === 3) keeper.stop();
      },
    },
  );
  await eventually("three pauses", () => pauses[2]);
  await keeper.first;
});

test("a link that ends at once is a failure like any: no storm of reconnects", async () => {
  const { link, next, pauses, keeper } = kept();
  for (const count of [1, 2, 3]) {
    (await link(count - 1))({ code: 1006, reason: "" });
    await next(count);
  }
  expect(pauses).toEqual([500, 1_000, 2_000]);
  keeper.stop();
});

test.each<[string, (all: Kept) => Promise<void>, string]>([
  [
    "a refusal for good",
    async ({ dial }) => (await dial(0)).reject(new LinkRefused("bad-key", "no way", false)),
    "no way",
  ],
  [
    "a server that does not qualify",
    async ({ link }) => {
      const ready = Promise.reject(new LinkRefused("not-qualified", "too slow", false));
      await link(0, ready);
    },
    "too slow",
  ],
])("%s is final: nothing is dialled again", async (_name, act, reason) => {
  const all = kept();
  const first = expect(all.keeper.first).rejects.toThrow(reason);
  await act(all);
  await first;
  expect(all.finals).toEqual([reason]);
  expect(all.dials).toHaveLength(1);
  expect(all.pauses).toEqual([]);
});

test("being replaced by another agent with the same key is final", async () => {
  const { keeper, link, finals, pauses } = kept();
  const end = await link(0);
  await keeper.first;
  end({ code: 4409, reason: "taken over" });
  await eventually("the end", () => finals[0] ?? undefined);
  expect(finals[0]).toContain("another agent runs with this node's key");
  expect(pauses).toEqual([]);
});

test("the first attempt counts as done when it failed for now", async () => {
  const { keeper, dial } = kept();
  (await dial(0)).reject(new LinkRefused("overloaded", "later", true));
  await keeper.first;
  keeper.stop();
});

test("a stop ends the waiting and the dialling", async () => {
  const { keeper, dial, dials, pauses } = kept();
  (await dial(0)).reject(new Error("gone"));
  await eventually("a pause", () => pauses[0]);
  keeper.stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect(dials).toHaveLength(1);
});
