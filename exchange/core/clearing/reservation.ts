/** Deciding on reservations: tokens are set aside (and bought, in Auto Mode) before anything is sent. */

import type { Command, Reservation } from "#exchange/core/commands.ts";
import { deliveryHold } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { CoreState, Delivery } from "#exchange/core/state.ts";
import { accept, accountOf, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { formatMicros } from "#protocol/money.ts";
import { closeLotIfDone } from "./expiry.ts";
import { lotOf, namesOfLot, splitOver, supplierThatHolds } from "./lots.ts";
import { emitPurchase, type PurchasePlan, planPurchase } from "./purchase.ts";

/** What a request asks for; `maxOutputTokens` is per choice. */
type Wish = Pick<Delivery, "account" | "symbol" | "promptTokens" | "maxOutputTokens" | "choices">;
/** Where a reservation's tokens come from. */
type Source = { supplier: number; purchase: PurchasePlan | null };

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
  const fitted = fitOutput(turn, command, listed.instrument.defaultMaxOutputTokens);
  if (!fitted.ok) return fitted;
  const { wish, source } = fitted.result;
  const delivery = state.counters.delivery + 1;
  return accept(
    emitReservation(turn, wish, source, {
      delivery,
      attempt: 1,
      requestId: command.requestId,
      keyId: command.keyId,
      timeoutAtMs: turn.nowMs + policy.deliveryTimeMsMax,
    }),
  );
}

/**
 * A key that was revoked, perhaps while its request was being read, sets no more money aside. What it
 * had set aside before is paid or given back like any other.
 */
function problemOfKey(
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
  const source = findSource(turn, wish, []);
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

/** Another supplier for a delivery whose attempt failed before its first byte. */
export function retryDelivery(
  turn: Turn,
  command: Command<"retry-delivery">,
): Decision<Reservation> {
  const delivery = turn.state.deliveries.get(command.delivery);
  if (delivery === undefined) {
    return reject("delivery-not-found", `delivery ${command.delivery} is not open`);
  }
  if (delivery.attempt !== command.attempt) {
    return reject("delivery-closed", `attempt ${command.attempt} is over`);
  }
  const keyProblem = problemOfKey(turn.state, delivery);
  if (keyProblem !== null) return keyProblem;
  const policy = policyOf(turn.state);
  if (delivery.attempt >= policy.attemptsMax) {
    return reject("no-supplier", `${delivery.attempt} suppliers failed, no further one is tried`);
  }
  const excluded = [...delivery.excluded, delivery.supplier];
  const source = findSource(turn, delivery, excluded);
  if (!source.ok) return source;
  const { requestId, keyId, timeoutAtMs, parts } = delivery;
  turn.emit({
    type: "attempt-failed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    delivery: delivery.number,
    attempt: delivery.attempt,
    supplier: delivery.supplier,
    cause: command.cause,
    postings: voidReservation(turn.state, delivery),
  });
  const reservation = emitReservation(turn, delivery, source.result, {
    delivery: delivery.number,
    attempt: command.attempt + 1,
    requestId,
    keyId,
    timeoutAtMs,
  });
  // A Lot that had only outlived its expiry for this delivery ends now.
  for (const part of parts) closeLotIfDone(turn, part.lot);
  return accept(reservation);
}

/** Lots first; else, in Auto Mode, a purchase that the account can pay. */
function findSource(turn: Turn, wish: Wish, excluded: readonly number[]): Decision<Source> {
  const { state } = turn;
  const tokens = wish.promptTokens + wish.choices * wish.maxOutputTokens;
  const { account, symbol } = wish;
  const supplier = supplierThatHolds(state, { account, symbol, tokens, excluded }, turn.nowMs);
  if (supplier !== null) return accept({ supplier, purchase: null });
  if (accountOf(state, wish.account).mode === "advanced") {
    return reject(
      "no-units",
      `no supplier's Lots of yours hold the ${tokens} tokens this request reserves; buy Units of ${wish.symbol} or switch to Auto Mode`,
      { required_tokens: tokens },
    );
  }
  const purchase = planPurchase(state, wish.account, wish.symbol, tokens, excluded);
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
  return accept({ supplier: purchase.supplier, purchase });
}

function emitReservation(
  turn: Turn,
  wish: Wish,
  source: Source,
  identity: Pick<Delivery, "requestId" | "keyId" | "timeoutAtMs" | "attempt"> & {
    delivery: number;
  },
): Reservation {
  const { state } = turn;
  const { account, symbol, promptTokens, maxOutputTokens, choices } = wish;
  const { supplier } = source;
  if (source.purchase !== null) emitPurchase(turn, account, symbol, source.purchase);
  const reservedTokens = promptTokens + choices * maxOutputTokens;
  const tokens = { account, symbol, tokens: reservedTokens };
  const parts = splitOver(state, tokens, supplier, turn.nowMs);
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
      from: namesOfLot(lotOf(state, part.lot)).tokens,
      amount: BigInt(part.tokens),
    })),
  });
  return { delivery, attempt, supplier, promptTokens, maxOutputTokens, reservedTokens, parts };
}

/** Gives every reserved token back. */
export function voidReservation(state: CoreState, delivery: Delivery): Posting[] {
  const postings: Posting[] = [];
  for (const part of delivery.parts) {
    const hold = deliveryHold(delivery.number, part.lot);
    const amount = state.ledger.holdAmount(hold);
    if (amount > 0n) postings.push({ kind: "void", hold, amount });
  }
  return postings;
}
