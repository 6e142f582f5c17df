/**
 * The draw rate: how fast tokens of one Lot can be demanded. What is reserved fills a bucket of
 * `burstTokens` that empties by `tokensPerMinute`; what a request did not use flows back at its end. It
 * bounds what a supplier can be asked for at once, so a request beyond it is none of the supplier's.
 */
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { policyOf } from "#exchange/core/turn.ts";
import type { Part } from "./cost.ts";
import { lotOf } from "./lots.ts";

const MINUTE_MS = 60_000;

/** What was drawn lately, in tokens times 60,000 so that it empties by whole numbers every millisecond. */
export interface Drawn {
  level: number;
  atMs: number;
}

/** What is in the bucket at a time. */
function levelAt({ drawn }: Lot, atMs: number, tokensPerMinute: number): number {
  if (drawn === null) return 0;
  return Math.max(0, drawn.level - (atMs - drawn.atMs) * tokensPerMinute);
}

/** Reserved tokens flow in, or back when negative; called while events are applied. */
export function countDrawn(state: CoreState, lot: Lot, tokens: number, atMs: number): void {
  const draw = policyOf(state).draw;
  if (draw === undefined) return;
  const level = levelAt(lot, atMs, draw.tokensPerMinute) + tokens * MINUTE_MS;
  lot.drawn = level > 0 ? { level, atMs } : null;
}

/**
 * Why these Lots cannot be drawn on yet, with the time after which they can, or null when they can. One
 * request alone is never too much for a Lot from which nothing was drawn lately.
 */
export function drawProblem(
  state: CoreState,
  parts: readonly Part[],
  nowMs: number,
): ReturnType<typeof reject> | null {
  const draw = policyOf(state).draw;
  if (draw === undefined) return null;
  for (const part of parts) {
    const level = levelAt(lotOf(state, part.lot), nowMs, draw.tokensPerMinute);
    const room = Math.max(0, (draw.burstTokens - part.tokens) * MINUTE_MS);
    if (level <= room) continue;
    const retryAfterMs = Math.ceil((level - room) / draw.tokensPerMinute);
    return reject(
      "draw-rate-exceeded",
      `a Lot gives ${draw.tokensPerMinute} tokens a minute and ${draw.burstTokens} at once; retry in ${retryAfterMs} ms`,
      { retry_after_ms: retryAfterMs },
    );
  }
  return null;
}
