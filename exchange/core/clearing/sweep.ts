/** The sweep: what an account has in Trading enters Consumption, and sell orders on it end. */
import type { DueItem } from "#exchange/core/due-queue.ts";
import type { CoreState, Lot } from "#exchange/core/state.ts";
import { accountOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { lotClockMs, stoppedMs, stoppedTimes } from "./halts.ts";
import { closeSwept } from "./offers.ts";
import { awaitSweep, nextSweepMs } from "./sweep-times.ts";
import { byAcquisition, emitTransfer } from "./transfers.ts";

/** Lots that one item sweeps; the rest of the account's waits for the next. */
const LOTS_PER_ITEM_MAX = 1_024;
/** Lots whose sweep is as much work as a due item of another kind. */
const LOTS_PER_WORK = 16;

/** Sweeps an account's Lots that are due at a point of the grid. Returns how much work that was beyond one item's. */
export function runSweep(turn: Turn, { id: account, dueMs }: DueItem): number {
  const { state } = turn;
  const owner = accountOf(state, account);
  // Whatever came into Trading since then waits for its own point of the grid.
  owner.sweepsAtMs = null;
  let ran = 0;
  for (const symbol of state.tradingLots.symbolsOf(owner)) {
    const due: Lot[] = [];
    for (const lot of state.tradingLots.of(owner, symbol)) {
      const sweptMs = nextSweepMs(lot.tradingSinceMs ?? dueMs);
      if (sweptMs <= dueMs) due.push(lot);
      else awaitSweep(state, account, lot.tradingSinceMs ?? dueMs);
    }
    if (due.length === 0) continue;
    closeSwept(turn, owner, symbol, dueMs);
    const entry = entryAt(state, symbol, dueMs, turn.nowMs);
    const swept = due.sort(byAcquisition).slice(0, LOTS_PER_ITEM_MAX);
    const lots = swept.map(({ number }) => number);
    emitTransfer(turn, owner, symbol, lots, { to: "consumption", by: "sweep", ...entry });
    ran += swept.length;
    if (swept.length < due.length) {
      state.due.push({ dueMs, kind: "sweep", id: account });
      break;
    }
  }
  return Math.floor(ran / LOTS_PER_WORK);
}

/** Entry is at the point of the grid, however late the sweep runs; stops of delivery since then toll. */
function entryAt(state: CoreState, symbol: string, gridMs: number, nowMs: number) {
  // One that lasts tolls when it ends.
  const toMs = lotClockMs(state, symbol, nowMs);
  const stopped = stoppedMs(stoppedTimes(state, symbol, nowMs), gridMs, Math.max(gridMs, toMs));
  const expiresAtMs = gridMs + policyOf(state).lotLifetimeMs + stopped;
  return { enteredAtMs: gridMs, expiresAtMs };
}
