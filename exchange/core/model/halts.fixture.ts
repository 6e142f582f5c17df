/** The naive market's rules of halted delivery, and of how fast a Lot may be drawn on. */
import type { Command } from "#exchange/core/commands.ts";
import * as m from "./market.fixture.ts";

type Model = m.Model;

const openHalt = (model: Model, symbol: string) =>
  model.halts.find((halt) => halt.symbol === symbol && halt.toMs === null);

/** The time as Lots have it. */
export const clockMs = (model: Model, symbol: string): number =>
  openHalt(model, symbol)?.fromMs ?? model.nowMs;

/** Whether a millisecond is in a stop of delivery: the slow way to count what stops have in common once. */
export function stops(model: Model, symbol: string): { fromMs: number; toMs: number }[] {
  const halts = model.halts
    .filter((halt) => halt.symbol === symbol)
    .map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs ?? model.nowMs }));
  return [...model.outages, ...halts];
}

/** How long of a stretch was stopped: between any two edges it either was throughout or not at all. */
export function stoppedMs(
  times: readonly { fromMs: number; toMs: number }[],
  fromMs: number,
  toMs: number,
): number {
  const edges = [fromMs, toMs, ...times.flatMap((time) => [time.fromMs, time.toMs])]
    .filter((ms) => ms >= fromMs && ms <= toMs)
    .sort((a, b) => a - b);
  const parts = edges.slice(1).map((end, at) => {
    const begin = edges[at] as number;
    return times.some((time) => time.fromMs <= begin && time.toMs >= end) ? end - begin : 0;
  });
  return m.count(parts);
}

export function halt(model: Model, { symbol }: Command<"halt-delivery">): m.Outcome {
  if (!model.instruments.some((i) => i.symbol === symbol)) return m.refused("instrument-not-found");
  const open = openHalt(model, symbol);
  if (open === undefined) model.halts.push({ symbol, fromMs: model.nowMs, toMs: null });
  return m.accepted({ sinceMs: open?.fromMs ?? model.nowMs });
}

export function resume(model: Model, { symbol }: Command<"resume-delivery">): m.Outcome {
  if (!model.instruments.some((i) => i.symbol === symbol)) return m.refused("instrument-not-found");
  const open = openHalt(model, symbol);
  if (open === undefined) return m.accepted({ haltedMs: 0 });
  open.toMs = model.nowMs;
  for (const lot of model.lots) {
    if (lot.symbol !== symbol || lot.enteredMs === null) continue;
    const begin = Math.max(open.fromMs, lot.enteredMs);
    const haltedMs = Math.max(0, model.nowMs - begin);
    // The exchange's own outages added theirs.
    const outMs = haltedMs === 0 ? 0 : stoppedMs(model.outages, begin, model.nowMs);
    lot.expiresMs += haltedMs - outMs;
    if (haltedMs > 0)
      model.tally.add(`state: Lot tolled by a halt${outMs > 0 ? " and an outage" : ""}`);
  }
  return m.accepted({ haltedMs: model.nowMs - open.fromMs });
}

/** Whether these tokens are more than their Lots give by now. */
export function isTooFast(model: Model, parts: readonly m.ModelPart[]): boolean {
  const { draw } = model.policy;
  if (draw === undefined) return false;
  return parts.some((part) => {
    const { draws } = m.the(model.lots, (lot) => lot.number === part.lot);
    let level = 0;
    let lastMs = 0;
    for (const { atMs, tokens } of [...draws, { atMs: model.nowMs, tokens: 0 }]) {
      level = Math.max(0, level - ((atMs - lastMs) * draw.tokensPerMinute) / 60_000);
      level = Math.max(0, level + tokens);
      lastMs = atMs;
    }
    return level > Math.max(0, draw.burstTokens - part.tokens);
  });
}

export function countDraws(model: Model, parts: readonly m.ModelPart[], sign: 1 | -1): void {
  for (const part of parts) {
    const lot = m.the(model.lots, (each) => each.number === part.lot);
    lot.draws.push({ atMs: model.nowMs, tokens: sign * part.tokens });
  }
}
