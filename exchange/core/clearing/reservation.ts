/** Deciding on reservations: tokens are set aside (and bought, in Auto Mode) before anything is sent. */

import { capProblem, ceilingTicks } from "#exchange/core/accounts/spending.ts";
import type { Command, Reservation } from "#exchange/core/commands.ts";
import { deliveryHold } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import {
  accept,
  accountOf,
  type Decision,
  instrumentOf,
  policyOf,
  type Turn,
} from "#exchange/core/turn.ts";
import { formatMicros } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { ownParts } from "./charging.ts";
import { type Part, tokensOfParts } from "./cost.ts";
import { drawProblem } from "./draw-rate.ts";
import { haltProblem } from "./halts.ts";
import { lotOf, namesOfLot, splitOver, supplierThatHolds } from "./lots.ts";
import { emitPurchase, type PurchasePlan, planPurchase } from "./purchase.ts";
import { type AgreedCover, emitCover, planAwayCover } from "./remedy.ts";

/** What a request asks for; `maxOutputTokens` is per choice. */
export type Wish = Pick<
  Delivery,
  "account" | "symbol" | "promptTokens" | "maxOutputTokens" | "choices"
>;
export type Identity = Pick<Delivery, "requestId" | "keyId" | "timeoutAtMs" | "attempt"> & {
  delivery: number;
};
/** Where a reservation's tokens come from. */
export interface Source {
  supplier: number;
  purchase: PurchasePlan | null;
  /** The supplier owes and cannot be sent to: why, and how it is covered from the start. */
  away: { cause: string; cover: AgreedCover } | null;
}

export function reserveDelivery(
  turn: Turn,
  command: Command<"reserve-delivery">,
): Decision<Reservation> {
  const { state } = turn;
  const account = state.accounts.get(command.account);
  if (account === undefined) {
    return reject("account-not-found", `account ${command.account} does not exist`);
  }
  const keyProblem = problemOfKey(state, command);
  if (keyProblem !== null) return keyProblem;
  const listed = state.instruments.get(command.symbol);
  if (listed === undefined) {
    return reject("instrument-not-found", `no instrument "${command.symbol}"`);
  }
  if (!isReservable(command)) {
    return reject(
      "invalid-quantity",
      `${command.promptTokens} + ${command.choices} x ${command.maxOutputTokens ?? "default"} tokens cannot be reserved; name whole numbers that come to at least 1`,
    );
  }
  const policy = policyOf(state);
  if (account.openDeliveries >= policy.openDeliveriesPerAccountMax) {
    return reject(
      "too-many-deliveries",
      `${account.openDeliveries} deliveries are open, at most ${policy.openDeliveriesPerAccountMax}`,
    );
  }
  const halted = haltProblem(state, command.symbol);
  if (halted !== null) return halted;
  const fitted = fitOutput(turn, command, listed.instrument.defaultMaxOutputTokens);
  if (!fitted.ok) return fitted;
  const { wish, source } = fitted.result;
  const delivery = state.counters.delivery + 1;
  const identity = {
    delivery,
    attempt: 1,
    requestId: command.requestId,
    keyId: command.keyId,
    timeoutAtMs: turn.nowMs + policy.deliveryTimeMsMax,
  };
  // What is bought for the request is fresh: nothing was drawn from it.
  if (source.purchase !== null) emitPurchase(turn, wish.account, wish.symbol, source.purchase);
  const { symbol } = wish;
  const tokens = { account: wish.account, symbol, tokens: tokensOfWish(wish) };
  const parts = splitOver(state, tokens, source.supplier, turn.nowMs);
  const tooFast = source.purchase === null ? drawProblem(state, parts, turn.nowMs) : null;
  if (tooFast !== null) return tooFast;
  const reserved = emitReserved(turn, wish, source.supplier, parts, identity);
  if (source.away === null) return accept(reserved);
  return accept(emitCover(turn, delivery, source.away.cause, source.away.cover));
}

/**
 * A key that was revoked, perhaps while its request was being read, sets no more money aside. What it
 * had set aside before is paid or given back like any other.
 */
export function problemOfKey(
  { apiKeys }: CoreState,
  { account, keyId }: Pick<Delivery, "account" | "keyId">,
): ReturnType<typeof reject> | null {
  if (apiKeys.get(keyId)?.account === account) return null;
  return reject("key-not-found", `the account has no API key ${keyId}; it may have been revoked`);
}

type Fitted = { wish: Wish; source: Source };

function sourceFor(
  turn: Turn,
  { account, symbol, promptTokens, choices }: Command<"reserve-delivery">,
  maxOutputTokens: number,
): Decision<Fitted> {
  const wish = { account, symbol, promptTokens, maxOutputTokens, choices };
  const source = findSource(turn, wish);
  return source.ok ? accept({ wish, source: source.result }) : source;
}

/** Whole numbers, at least one choice, at least one token in all: no hold may be empty or negative. */
function isReservable({ promptTokens, maxOutputTokens, choices }: Command<"reserve-delivery">) {
  const output = maxOutputTokens ?? 1;
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (![promptTokens, output, choices].every(isCount) || choices === 0) return false;
  const tokens = promptTokens + choices * output;
  return Number.isSafeInteger(tokens) && tokens >= 1;
}

/** The named maximum as it is; without one, the largest up to the default that can be carried. */
function fitOutput(
  turn: Turn,
  command: Command<"reserve-delivery">,
  defaultMax: number,
): Decision<Fitted> {
  if (command.maxOutputTokens !== null) return sourceFor(turn, command, command.maxOutputTokens);
  const whole = sourceFor(turn, command, defaultMax);
  if (whole.ok) return whole;
  let low = Math.min(policyOf(turn.state).defaultMaxOutputTokensMin, defaultMax);
  let best = sourceFor(turn, command, low);
  if (!best.ok) return best;
  let high = defaultMax;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const found = sourceFor(turn, command, middle);
    if (found.ok) {
      best = found;
      low = middle;
    } else high = middle;
  }
  return best;
}

/** Lots first, also those of a supplier that is away, for cover; else, in Auto Mode, a purchase. */
function findSource(turn: Turn, wish: Wish): Decision<Source> {
  const own = ownSource(turn, wish, []);
  if (own !== null) return accept(own);
  const covered = planAwayCover(turn, wish);
  if (covered !== null) return accept(covered);
  const bought = boughtSource(turn, wish, []);
  if (bought.ok || bought.rejection.code !== "no-units" || !hasLotsAway(turn, wish)) return bought;
  return reject(
    "no-supplier",
    "the suppliers of your Lots are away and nobody can take over now; retry",
  );
}

/** Whether Lots of the buyer would hold the reservation if only their supplier were there. */
function hasLotsAway(turn: Turn, wish: Wish): boolean {
  const { account, symbol } = wish;
  const holding = { account, symbol, tokens: tokensOfWish(wish), excluded: [] };
  return supplierThatHolds(turn.state, holding, turn.nowMs, "away") !== null;
}

/** The buyer's Lots, of one supplier that can serve; null when none hold the reservation. */
export function ownSource(turn: Turn, wish: Wish, excluded: readonly number[]): Source | null {
  const { account, symbol } = wish;
  const tokens = tokensOfWish(wish);
  const supplier = supplierThatHolds(turn.state, { account, symbol, tokens, excluded }, turn.nowMs);
  return supplier === null ? null : { supplier, purchase: null, away: null };
}

/** A purchase by Auto Mode that the account can pay. */
export function boughtSource(
  turn: Turn,
  wish: Wish,
  excluded: readonly number[],
): Decision<Source> {
  const { state } = turn;
  const tokens = tokensOfWish(wish);
  const account = accountOf(state, wish.account);
  if (account.mode === "advanced") {
    return reject(
      "no-units",
      `no supplier's Lots of yours hold the ${tokens} tokens this request reserves; buy Units of ${wish.symbol} or switch to Auto Mode`,
      { required_tokens: tokens },
    );
  }
  const purchase = planPurchase(state, wish.account, wish.symbol, tokens, {
    excluded,
    nowMs: turn.nowMs,
  });
  const ceiling = ceilingTicks(account, wish.symbol);
  if (purchase !== null && ceiling !== null && purchase.worstPriceTicks > ceiling) {
    const { instrument } = instrumentOf(state, wish.symbol);
    const [price, limit] = [purchase.worstPriceTicks, ceiling].map((ticks) =>
      formatPrice(instrument, ticks),
    );
    return reject(
      "price-above-ceiling",
      `${tokens} tokens of ${wish.symbol} cost up to ${price} per Unit now, your ceiling is ${limit}; raise it, wait, or ask for less output`,
      { price: price ?? "", ceiling: limit ?? "" },
    );
  }
  if (purchase === null) {
    return reject(
      "no-supplier",
      `no supplier offers ${tokens} tokens of ${wish.symbol} at a protected price now; retry, or ask for less output`,
      { required_tokens: tokens },
    );
  }
  const free = state.ledger.free(state.ledger.names.available(wish.account));
  if (purchase.requiredMicros > free) {
    return reject(
      "payment-required",
      `the request reserves ${tokens} tokens for ${formatMicros(purchase.requiredMicros)} USD, ${formatMicros(free)} are available; add funds or ask for less output`,
      { required: formatMicros(purchase.requiredMicros), available: formatMicros(free) },
    );
  }
  const capped = capProblem(account, turn.nowMs, purchase.requiredMicros);
  return capped ?? accept({ supplier: purchase.supplier, purchase, away: null });
}

function tokensOfWish({ promptTokens, choices, maxOutputTokens }: Wish): number {
  return promptTokens + choices * maxOutputTokens;
}

/** Reserves on these Lots. */
export function emitReserved(
  turn: Turn,
  wish: Wish,
  supplier: number,
  parts: Part[],
  identity: Identity,
): Reservation {
  const { account, symbol, promptTokens, maxOutputTokens, choices } = wish;
  const { delivery, attempt, requestId, keyId, timeoutAtMs } = identity;
  turn.emit({
    type: "delivery-reserved",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery,
    attempt,
    requestId,
    account,
    symbol,
    keyId,
    supplier,
    promptTokens,
    maxOutputTokens,
    choices,
    parts,
    timeoutAtMs,
    postings: parts.map((part) => ({
      kind: "hold",
      hold: deliveryHold(delivery, part.lot),
      from: namesOfLot(lotOf(turn.state, part.lot)).tokens,
      amount: BigInt(part.tokens),
    })),
  });
  const reservedTokens = tokensOfParts(parts);
  return { delivery, attempt, supplier, promptTokens, maxOutputTokens, reservedTokens, parts };
}

/** Gives every reserved token of the buyer's back. */
export function voidReservation(state: CoreState, delivery: Delivery): Posting[] {
  const postings: Posting[] = [];
  for (const part of ownParts(delivery)) {
    const hold = deliveryHold(delivery.number, part.lot);
    const amount = state.ledger.holdAmount(hold);
    if (amount > 0n) postings.push({ kind: "void", hold, amount });
  }
  return postings;
}
