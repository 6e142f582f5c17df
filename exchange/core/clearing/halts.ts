/**
 * Delivery halts: the operator stops delivery of an instrument. For its Lots the clock stands still then,
 * and the slots of a halt count for nobody. A halt of trading tolls nothing.
 */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import type { Stretch } from "./lot-events.ts";

/** Of one instrument: since when delivery is halted, and halts that a Lot still open lived through. */
export interface DeliveryHalts {
  sinceMs: number | null;
  past: Stretch[];
}

/** The time as Lots of an instrument have it: it stands still while delivery is halted. */
export function lotClockMs({ deliveryHalts }: CoreState, symbol: string, nowMs: number): number {
  return deliveryHalts.get(symbol)?.sinceMs ?? nowMs;
}

/** Whether a Lot's time is over. One that entered Consumption in a halt has all of it before it. */
export function hasExpired(state: CoreState, lot: Lot, nowMs: number): boolean {
  return lot.expiresAtMs !== null && lot.expiresAtMs <= lotClockMs(state, lot.symbol, nowMs);
}

/** Times in which nobody could have delivered, of the exchange's outages and the instrument's halts. */
export function stoppedTimes(
  { outages, deliveryHalts }: CoreState,
  symbol: string,
  nowMs: number,
): Stretch[] {
  const halts = deliveryHalts.get(symbol);
  if (halts === undefined) return outages;
  const open = halts.sinceMs === null ? [] : [{ fromMs: halts.sinceMs, toMs: nowMs }];
  return [...outages, ...halts.past, ...open];
}

/** How long of a stretch nobody could have delivered; what two stops have in common counts once. */
export function stoppedMs(times: readonly Stretch[], fromMs: number, toMs: number): number {
  let stopped = 0;
  let countedTo = fromMs;
  for (const time of [...times].sort((a, b) => a.fromMs - b.fromMs)) {
    const begin = Math.max(countedTo, time.fromMs);
    const end = Math.min(toMs, time.toMs);
    if (end <= begin) continue;
    stopped += end - begin;
    countedTo = end;
  }
  return stopped;
}

/** What the end of a halt adds to a Lot's time: the halt since its entry, without outages, which added theirs. */
export function tolledMs(
  { enteredAtMs }: { enteredAtMs: number | null },
  { sinceMs, atMs, outages }: Pick<EventOf<"delivery-resumed">, "sinceMs" | "atMs" | "outages">,
): number {
  const begin = Math.max(sinceMs, enteredAtMs ?? atMs);
  return begin >= atMs ? 0 : atMs - begin - stoppedMs(outages, begin, atMs);
}

/** Why nothing of an instrument can be reserved now, or null when it can. */
export function haltProblem(
  { deliveryHalts }: CoreState,
  symbol: string,
): ReturnType<typeof reject> | null {
  const sinceMs = deliveryHalts.get(symbol)?.sinceMs ?? null;
  if (sinceMs === null) return null;
  return reject(
    "delivery-halted",
    `delivery of ${symbol} is halted since ${new Date(sinceMs).toISOString()}; Lots run on when it is resumed`,
  );
}

/** Halts delivery; what is under way goes on. Does nothing to one that is halted already. */
export function haltDelivery(
  turn: Turn,
  { symbol, reason }: Command<"halt-delivery">,
): Decision<CommandResult<"halt-delivery">> {
  const { state } = turn;
  if (!state.instruments.has(symbol)) return noInstrument(symbol);
  const sinceMs = state.deliveryHalts.get(symbol)?.sinceMs ?? null;
  if (sinceMs !== null) return accept({ sinceMs });
  turn.emit({
    type: "delivery-halted",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    symbol,
    reason,
  });
  return accept({ sinceMs: turn.nowMs });
}

/** Ends a halt: every open Lot of the instrument has so much longer. */
export function resumeDelivery(
  turn: Turn,
  { symbol }: Command<"resume-delivery">,
): Decision<CommandResult<"resume-delivery">> {
  const { state, nowMs } = turn;
  if (!state.instruments.has(symbol)) return noInstrument(symbol);
  const sinceMs = state.deliveryHalts.get(symbol)?.sinceMs ?? null;
  if (sinceMs === null) return accept({ haltedMs: 0 });
  turn.emit({
    type: "delivery-resumed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: nowMs,
    symbol,
    sinceMs,
    outages: state.outages.filter(({ toMs }) => toMs > sinceMs),
  });
  return accept({ haltedMs: nowMs - sinceMs });
}

function noInstrument(symbol: string): ReturnType<typeof reject> {
  return reject("instrument-not-found", `no instrument "${symbol}"`);
}
