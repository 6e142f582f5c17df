/** One deadline for all attempts before the first byte, and nobody blamed for the time of another. */
import { describe, expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import { createTestMarket, policy, SYMBOL } from "#exchange/core/core.fixture.ts";
import { AttemptTime } from "./attempt-time.ts";
import type { Attempt } from "./delivery-port.ts";

const STREAMED = { symbol: SYMBOL, streamed: true };
const WHOLE = { symbol: SYMBOL, streamed: false };
const load = { lateMs: () => 0, isSlow: () => false };

/** The time of a delivery of text-lite (a first token within 2 s, 20 tokens a second). */
function delivery(deliveryTimeMsMax = policy.deliveryTimeMsMax) {
  const { state } = createTestMarket({ deliveryTimeMsMax });
  const clock = manualClock(0);
  const time = new AttemptTime(clock);
  return {
    time,
    clock,
    start: (request = STREAMED, tokens = 2_000) => time.start(state, request, tokens),
  };
}
const sentAt = (dispatchedMs: number | null) =>
  ({
    clock: () => ({
      ...{ dispatchedMs, acceptedMs: null, firstOutputMs: null, lastOutputMs: null, rttMs: null },
    }),
  }) as Attempt;

describe("the time to a first byte", () => {
  test("is one deadline for three suppliers that say nothing, each with its whole time", () => {
    const { clock, time, start } = delivery();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const limits = start();
      expect(limits).toMatchObject({ firstTokenTimeoutMs: 10_000, firstByteMsMax: 33_000 });
      clock.advance(limits.firstTokenTimeoutMs + 500);
    }
    expect(time.isEnoughForAnother).toBe(true);
    clock.advance(1_000);
    expect(time.isEnoughForAnother).toBe(false);
  });

  test("of a whole answer leaves the next supplier half, beyond what the instrument promises", () => {
    const { clock, start } = delivery();
    // 2,000 tokens at 20 a second are 100 s; 10 s to the first one.
    const first = start(WHOLE);
    expect(first).toMatchObject({ fairMs: 110_000, firstByteMsMax: 333_000 });
    expect(first.firstTokenTimeoutMs).toBe(166_500);
    clock.advance(first.firstTokenTimeoutMs);
    expect(start(WHOLE).firstTokenTimeoutMs).toBe(110_000);
    // What was promised is not cut for the sake of those behind.
    const long = delivery().start(WHOLE, 8_000);
    expect(long.firstTokenTimeoutMs).toBe(long.fairMs);
  });

  test("never ends behind the delivery itself", () => {
    const { clock, start } = delivery(20_000);
    clock.advance(9_000);
    expect(start()).toMatchObject({ firstTokenTimeoutMs: 1_000, firstByteMsMax: 10_000 });
  });
});

describe("who had less than its own time when the delivery's ended", () => {
  test("is excused: it had 77 ms", () => {
    const { clock, time, start } = delivery(20_000);
    clock.advance(9_923);
    start();
    clock.advance(77);
    expect(time.blamed("time-limit", sentAt(9_923), load)).toBe("request-deadline");
    expect(time.blamed("timeout", sentAt(9_923), load)).toBe("request-deadline");
  });

  test("is not excused for anything else", () => {
    const { clock, time, start } = delivery(20_000);
    clock.advance(9_000);
    start();
    for (const code of ["backend-failed", "no-accept", "link-lost"]) {
      expect(time.blamed(code, sentAt(9_000), load)).toBe(code);
    }
    time.came();
    expect(time.blamed("timeout", sentAt(9_000), load)).toBe("timeout");
  });

  test("is excused when it waited for a slot until then, and not when its own time is over too", () => {
    const { clock, time, start } = delivery();
    start();
    clock.advance(10_000);
    expect(time.blamed("time-limit", sentAt(0), load)).toBe("time-limit");
    expect(time.blamed("time-limit", sentAt(9_000), load)).toBe("request-deadline");
  });

  test("who had all of its time has failed", () => {
    const { clock, time, start } = delivery();
    start();
    clock.advance(10_000);
    expect(time.blamed("timeout", sentAt(0), load)).toBe("timeout");
    expect(time.blamed("timeout", sentAt(0), { ...load, isSlow: () => true })).toBe(
      "exchange-slow",
    );
  });
});
