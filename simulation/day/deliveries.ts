/** How requests of a simulated day end: served, failed and covered, cut, given up. */
import type { Reservation } from "#exchange/core/commands.ts";
import type { Random } from "#simulation/random.ts";
import type { Cast } from "./cast.ts";
import type { DayMarket } from "./market.ts";

export interface Scene {
  market: DayMarket;
  cast: Cast;
  random: Random;
  startMs: number;
  /** Runs something after so many virtual milliseconds. */
  later: (ms: number, run: () => void) => void;
}

/** Longest that an answer takes; far below what a reservation lasts. */
const ANSWER_MS = 40_000;

/** Lets a supplier work on it for a while. */
export function endLater(scene: Scene, reservation: Reservation): void {
  const { random } = scene;
  scene.later(200 + random.below(ANSWER_MS), () => end(scene, reservation));
}

function end(scene: Scene, reservation: Reservation): void {
  const { market, random, cast } = scene;
  const { delivery, attempt, supplier: account } = reservation;
  // A restart of the exchange has ended it.
  if (!market.state.deliveries.has(delivery)) return;
  const supplier = cast.suppliers.find((each) => each.account === account);
  const isLinked = supplier?.isLinked === true;
  if (!isLinked || random.oneIn(supplier.failsOneIn)) {
    const cause = isLinked
      ? random.pick(["backend-failed", "timeout", "backend-stream-broken", "truncated"])
      : "link-lost";
    if (random.oneIn(5)) {
      const failed = { verdict: "failed", cause, completionTokens: random.below(200) } as const;
      market.try({ type: "release-delivery", delivery, attempt, ...failed });
      return;
    }
    const next = market.try({ type: "retry-delivery", delivery, attempt, cause });
    if (next !== null) endLater(scene, next);
    else release(scene, reservation, cause);
    return;
  }
  settle(scene, reservation);
}

function release(scene: Scene, { delivery, attempt }: Reservation, cause: string): void {
  if (!scene.market.state.deliveries.has(delivery)) return;
  scene.market.try({
    ...{ type: "release-delivery", delivery, attempt, verdict: "failed", cause },
    completionTokens: 0,
  });
}

function settle({ market, random }: Scene, reservation: Reservation): void {
  const { delivery, attempt, promptTokens, reservedTokens } = reservation;
  const output = random.oneIn(12)
    ? reservedTokens - promptTokens
    : random.below(reservedTokens - promptTokens + 1);
  const isSlow = random.oneIn(30);
  market.try({
    ...{ type: "settle-delivery", delivery, attempt, promptTokens, completionTokens: output },
    ...{ firstTokenMs: 300, durationMs: 5_000, reportedTokens: output, outputSha256: null },
    measured: { firstTokenMs: isSlow ? 9_000 : 300, tokensPerSecond: isSlow ? 3 : 150 },
    ...{ finishReason: "stop", cause: "done" },
  });
}
