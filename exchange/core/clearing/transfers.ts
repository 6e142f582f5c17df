/**
 * Moving Units between Trading and Consumption, by instrument and quantity as published: into
 * Consumption the oldest acquisition first, back the latest expiry first. Whole Lots move; one that is
 * needed in part is split.
 */
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Account, CoreState, Lot } from "#exchange/core/state.ts";
import { checkQuantity } from "#exchange/core/supply/issuance.ts";
import { accept, accountOf, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { formatUnits } from "#protocol/money.ts";
import { mustCloseOut } from "./close-out.ts";
import { lotClockMs } from "./halts.ts";
import type { TransferBy } from "./lot-events.ts";
import { lotOf } from "./lots.ts";
import { splitLot, wholeFreeTokens } from "./split.ts";

type Transferred = Decision<CommandResult<"transfer-to-consumption">>;

export function transferToConsumption(
  turn: Turn,
  command: Command<"transfer-to-consumption">,
): Transferred {
  const { account, symbol, quantity } = command;
  const checked = checkQuantity(turn, account, symbol, quantity);
  if (!checked.ok) return checked;
  const owner = accountOf(turn.state, account);
  const lots = [...turn.state.tradingLots.of(owner, symbol)].sort(byAcquisition);
  const taken = takeWhole(turn.state, lots, checked.result);
  if (!taken.ok) return tooFew("Trading", symbol, taken.found, checked.result);
  const { lotLifetimeMs } = policyOf(turn.state);
  return accept(
    emitTransfer(turn, owner, symbol, separate(turn, taken.parts), {
      to: "consumption",
      by: "request",
      enteredAtMs: turn.nowMs,
      expiresAtMs: turn.nowMs + lotLifetimeMs,
    }),
  );
}

export function transferToTrading(
  turn: Turn,
  command: Command<"transfer-to-trading">,
): Transferred {
  const { account, symbol, quantity } = command;
  const checked = checkQuantity(turn, account, symbol, quantity);
  if (!checked.ok) return checked;
  const owner = accountOf(turn.state, account);
  if (owner.mode === "easy") {
    return reject(
      "auto-mode-trading-restricted",
      "the account is in Auto Mode, which keeps its Units where requests draw on them; switch to Advanced Mode first",
    );
  }
  const lots = drawableLots(turn, owner, symbol).sort(byLatestExpiry);
  const taken = takeWhole(turn.state, lots, checked.result);
  if (!taken.ok) return tooFew("Consumption", symbol, taken.found, checked.result);
  return accept(
    emitTransfer(turn, owner, symbol, separate(turn, taken.parts), {
      to: "trading",
      by: "request",
      enteredAtMs: null,
      expiresAtMs: null,
    }),
  );
}

/** Lots in Consumption whose time is not over, and that do not wait for a delivery to be closed out. */
function drawableLots({ state, nowMs }: Turn, owner: Account, symbol: string): Lot[] {
  const lots: Lot[] = [];
  for (const holding of state.holdings.of(owner, symbol).values()) {
    if (mustCloseOut(state, holding.supplier, nowMs)) continue;
    lots.push(...holding.withFreeTokens(lotClockMs(state, symbol, nowMs)));
  }
  return lots;
}

/** Oldest first; what was bought at once has its numbers in that order. */
export function byAcquisition(a: Lot, b: Lot): number {
  return a.boughtAtMs - b.boughtAtMs || a.number - b.number;
}

/** Latest expiry first, one that has none yet before all; then oldest. */
export function byLatestExpiry(a: Lot, b: Lot): number {
  const [ends, endsToo] = [a.expiresAtMs ?? Number.MAX_VALUE, b.expiresAtMs ?? Number.MAX_VALUE];
  return endsToo - ends || a.number - b.number;
}

/** Tokens of one Lot that are taken. */
export interface Taken {
  lot: number;
  tokens: number;
}

/** Takes whole increments from Lots in their order, or says how many there are. */
export function takeWhole(
  state: CoreState,
  lots: readonly Lot[],
  tokens: number,
): { ok: true; parts: Taken[] } | { ok: false; found: number } {
  const parts: Taken[] = [];
  let left = tokens;
  for (const lot of lots) {
    const taken = Math.min(left, wholeFreeTokens(state, lot));
    if (taken > 0) parts.push({ lot: lot.number, tokens: taken });
    left -= taken;
    if (left === 0) return { ok: true, parts };
  }
  return { ok: false, found: tokens - left };
}

/** Splits off what is only part of a Lot. Returns Lots that move whole. */
function separate(turn: Turn, parts: readonly Taken[]): number[] {
  return parts.map(({ lot: number, tokens }) => {
    const lot = lotOf(turn.state, number);
    return tokens === lot.tokens ? number : splitLot(turn, lot, tokens);
  });
}

interface Move {
  to: "trading" | "consumption";
  by: TransferBy;
  enteredAtMs: number | null;
  expiresAtMs: number | null;
}

/** Moves whole Lots of one instrument. */
export function emitTransfer(
  turn: Turn,
  owner: Account,
  symbol: string,
  lots: number[],
  { to, by, enteredAtMs, expiresAtMs }: Move,
): CommandResult<"transfer-to-consumption"> {
  const { state } = turn;
  const transfer = state.counters.transfer + 1;
  let tokens = 0;
  for (const number of lots) {
    const lot = lotOf(state, number);
    tokens += lot.tokens - lot.usedTokens;
  }
  turn.emit({
    type: "units-transferred",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    transfer,
    account: owner.number,
    symbol,
    to,
    by,
    tokens,
    lots,
    enteredAtMs,
    expiresAtMs,
  });
  return { transfer, tokens };
}

/** Where `auto_transfer` went on: what is in Trading and on no order enters Consumption. */
export function transferAtOnce(turn: Turn, owner: Account): void {
  const { state, nowMs } = turn;
  const expiresAtMs = nowMs + policyOf(state).lotLifetimeMs;
  for (const symbol of state.tradingLots.symbolsOf(owner)) {
    const whole = [...state.tradingLots.of(owner, symbol)].filter(
      (lot) => lot.freeTokens === lot.tokens,
    );
    const lots = whole.sort(byAcquisition).map(({ number }) => number);
    if (lots.length === 0) continue;
    const entry = { enteredAtMs: nowMs, expiresAtMs };
    emitTransfer(turn, owner, symbol, lots, { to: "consumption", by: "auto-transfer", ...entry });
  }
}

function tooFew(
  place: string,
  symbol: string,
  found: number,
  wanted: number,
): ReturnType<typeof reject> {
  return reject(
    "insufficient-units",
    `the account has ${formatUnits(found)} whole free Units of ${symbol} in ${place}, ${formatUnits(wanted)} were asked for; cancel sell orders that hold some, or ask for less`,
    { required: formatUnits(wanted), available: formatUnits(found) },
  );
}
