/** The naive market's rules of deliveries and Lots: reservations, payment, expiry, passing time. */
import type { Command, ReserveDelivery } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import * as m from "./market.fixture.ts";
import { close, line, open, trade } from "./orders.fixture.ts";

type Model = m.Model;
const SLOT_MS = 300_000;

/** Lots a buyer may draw on, soonest expiry first. */
function drawable(model: Model, account: number, symbol: string, failed: readonly number[]) {
  return model.lots
    .filter((lot) => lot.owner === account && lot.symbol === symbol)
    .filter((lot) => lot.expiresMs > model.nowMs && !failed.includes(lot.supplier))
    .filter((lot) => m.canServe(model, lot.supplier, symbol))
    .sort((a, b) => a.expiresMs - b.expiresMs || a.number - b.number);
}

type Wish = Pick<m.ModelDelivery, "account" | "symbol" | "prompt" | "output" | "choices">;
interface Source {
  supplier: number;
  buys: { ask: m.ModelOrder; quantity: number }[];
  /** Asks at better places that did not add up. */
  passedOver: number;
}

const tokensFor = (wish: Wish) => wish.prompt + wish.choices * wish.output;
const priceOf = (model: Model, { buys }: Source) =>
  m.withFee(
    model,
    m.sum(buys.map(({ ask, quantity }) => m.worth(model, ask.symbol, ask.ticks, quantity))),
  );

/** Who serves: one supplier's Lots, else in Auto Mode one supplier's asks; or why nobody does. */
function findSource(model: Model, wish: Wish, failed: readonly number[]): Source | RejectionCode {
  const { account, symbol } = wish;
  const tokens = tokensFor(wish);
  const lots = drawable(model, account, symbol, failed);
  for (const { supplier } of lots) {
    const free = m.count(
      lots.filter((l) => l.supplier === supplier).map((l) => m.freeTokens(model, l)),
    );
    if (free >= tokens) return { supplier, buys: [], passedOver: 0 };
  }
  if (m.accountOf(model, account).mode === "advanced") return "no-units";
  const source = cheapestAsks(model, wish, failed);
  if (source === null) return "no-supplier";
  return priceOf(model, source) > m.freeMoney(model, account) ? "payment-required" : source;
}

/** Walks the asks; the first supplier whose asks add up sells, unless the protection price is first. */
function cheapestAsks(model: Model, wish: Wish, failed: readonly number[]): Source | null {
  const { incrementTokens } = m.instrumentOf(model, wish.symbol);
  const wanted = Math.ceil(tokensFor(wish) / incrementTokens);
  const asks = line(model, wish.symbol, "sell").filter((ask) => !failed.includes(ask.account));
  const best = asks[0]?.ticks ?? 0;
  const most = best + Math.floor((best * model.policy.marketProtectionBps) / 10_000);
  const passed: m.ModelOrder[] = [];
  for (const last of asks.filter((ask) => ask.ticks <= most)) {
    passed.push(last);
    const own = passed.filter((ask) => ask.account === last.account);
    if (m.count(own.map(m.left)) < wanted) continue;
    let missing = wanted;
    const buys = own.map((ask) => {
      const quantity = Math.min(missing, m.left(ask));
      missing -= quantity;
      return { ask, quantity };
    });
    return { supplier: last.account, buys, passedOver: passed.length - own.length };
  }
  return null;
}

/**
 * Without a maximum: the most output that can be carried, from the default down to the policy's
 * least. What can be carried changes only where a supplier's Lots or a number of increments end.
 */
function fitOutput(model: Model, wish: Wish): { wish: Wish; source: Source | RejectionCode } {
  const { account, symbol, prompt, choices } = wish;
  const { defaultMaxOutputTokens: most, incrementTokens } = m.instrumentOf(model, symbol);
  const least = Math.min(model.policy.defaultMaxOutputTokensMin, most);
  const ends = drawable(model, account, symbol, []).map(({ supplier }) =>
    m.count(
      drawable(model, account, symbol, [])
        .filter((l) => l.supplier === supplier)
        .map((l) => m.freeTokens(model, l)),
    ),
  );
  for (let end = incrementTokens; end < prompt + choices * most; end += incrementTokens) {
    ends.push(end);
  }
  const outputs = ends.map((end) => Math.floor((end - prompt) / choices));
  const sensible = outputs.filter((output) => output > least && output < most);
  for (const output of [most, ...sensible.sort((a, b) => b - a), least]) {
    const fitted = { ...wish, output };
    const source = findSource(model, fitted, []);
    if (typeof source === "string") continue;
    if (output < most) model.tally.add("state: output reduced to what can be carried");
    return { wish: fitted, source };
  }
  return { wish, source: findSource(model, { ...wish, output: least }, []) };
}

const isCount = (value: number, least: number) => Number.isSafeInteger(value) && value >= least;

export function reserve(model: Model, command: ReserveDelivery): m.Outcome {
  const { account, symbol, promptTokens: prompt, maxOutputTokens, choices } = command;
  const codes: RejectionCode[] = [];
  if (!model.accounts.some((a) => a.number === account)) codes.push("account-not-found");
  if (model.keys.get(command.keyId) !== account) codes.push("key-not-found");
  if (!model.instruments.some((i) => i.symbol === symbol)) codes.push("instrument-not-found");
  const open = model.deliveries.filter((d) => d.account === account).length;
  if (open >= model.policy.openDeliveriesPerAccountMax) codes.push("too-many-deliveries");
  const tokens = prompt + choices * (maxOutputTokens ?? 1);
  if (![prompt, maxOutputTokens ?? 1].every((each) => isCount(each, 0)) || !isCount(choices, 1)) {
    codes.push("invalid-quantity");
  } else if (!isCount(tokens, 1)) codes.push("invalid-quantity");
  if (codes.length > 0) return m.refused(...codes);

  const asked = { account, symbol, prompt, output: maxOutputTokens ?? 0, choices };
  const { wish, source } =
    maxOutputTokens === null
      ? fitOutput(model, asked)
      : { wish: asked, source: findSource(model, asked, []) };
  if (typeof source === "string") return m.refused(source);
  model.counts.delivery += 1;
  const number = model.counts.delivery;
  const timeoutMs = model.nowMs + model.policy.deliveryTimeMsMax;
  const key = command.keyId;
  return take(model, source, { ...wish, number, attempt: 1, failed: [], timeoutMs, key });
}

type Unserved = Omit<m.ModelDelivery, "supplier" | "parts">;

/** Buys what is to be bought and sets the tokens aside, soonest expiry first. */
function take(model: Model, source: Source, unserved: Unserved): m.Outcome {
  const { supplier, buys } = source;
  const { account, symbol, failed } = unserved;
  if (buys.length > 0) purchase(model, account, symbol, source);
  const parts: m.ModelDelivery["parts"] = [];
  let missing = tokensFor(unserved);
  const lots = drawable(model, account, symbol, failed).filter((l) => l.supplier === supplier);
  for (const lot of lots) {
    const tokens = Math.min(missing, m.freeTokens(model, lot));
    if (tokens > 0) parts.push({ lot: lot.number, tokens });
    missing -= tokens;
  }
  if (missing > 0) throw new Error("the model reserves more than it found");
  if (parts.length > 1) model.tally.add("state: reservation over several Lots");
  model.deliveries.push({ ...unserved, supplier, parts });
  return m.accepted({
    delivery: unserved.number,
    attempt: unserved.attempt,
    supplier,
    promptTokens: unserved.prompt,
    maxOutputTokens: unserved.output,
    reservedTokens: tokensFor(unserved),
    parts: parts.map(({ lot, tokens }) => ({
      ...{ lot, tokens, priceTicks: m.the(model.lots, (l) => l.number === lot).ticks },
    })),
  });
}

function purchase(model: Model, account: number, symbol: string, source: Source): void {
  const { buys, passedOver } = source;
  model.tally.add("state: automatic purchase");
  if (passedOver > 0) model.tally.add("state: purchase passed smaller asks over");
  if (buys.length > 1) model.tally.add("state: purchase over several asks");
  const bid = open(model, {
    ...{ account, symbol, side: "buy", ticks: Math.max(...buys.map(({ ask }) => ask.ticks)) },
    ...{ quantity: m.count(buys.map((buy) => buy.quantity)), hold: priceOf(model, source) },
    ...{ postOnly: false, rests: false, fillOrKill: true },
  });
  for (const { ask, quantity } of buys) trade(model, ask, bid, quantity);
  close(model, bid);
}

type Named = { delivery: number; attempt: number };
function find(model: Model, { delivery: number, attempt }: Named) {
  const delivery = model.deliveries.find((d) => d.number === number);
  if (delivery === undefined) return m.refused("delivery-not-found");
  return delivery.attempt === attempt ? delivery : m.refused("delivery-closed");
}

export function retry(model: Model, command: Command<"retry-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  const { supplier, ...delivery } = found;
  if (!model.keys.has(delivery.key)) return m.refused("key-not-found");
  if (delivery.attempt >= model.policy.attemptsMax) return m.refused("no-supplier");
  const failed = [...delivery.failed, supplier];
  const source = findSource(model, delivery, failed);
  if (typeof source === "string") return m.refused(source);
  endDelivery(model, found);
  const outcome = take(model, source, { ...delivery, attempt: delivery.attempt + 1, failed });
  if (endOverdueLots(model, [found]) > 0) model.tally.add("state: Lot ended by a retry");
  return outcome;
}

export function settle(model: Model, command: Command<"settle-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  const { promptTokens, completionTokens } = command;
  if (!isCount(promptTokens, 0) || !isCount(completionTokens, 0)) {
    return m.refused("invalid-quantity");
  }
  const reserved = m.count(found.parts.map((part) => part.tokens));
  const usedTokens = Math.min(reserved, promptTokens + completionTokens);
  if (usedTokens < promptTokens + completionTokens)
    model.tally.add("state: billed at most reserved");
  let unpaid = usedTokens;
  let cost = 0n;
  const parts: object[] = [];
  for (const part of found.parts) {
    const tokens = Math.min(unpaid, part.tokens);
    unpaid -= tokens;
    const lot = m.the(model.lots, (l) => l.number === part.lot);
    const paid = payFor(model, lot, tokens);
    cost += paid;
    const { number, ticks: priceTicks } = lot;
    if (tokens > 0) parts.push({ lot: number, tokens, priceTicks, costMicros: `${paid}` });
  }
  endDelivery(model, found);
  endOverdueLots(model, [found]);
  return m.accepted({ usedTokens, costMicros: `${cost}`, parts });
}

/** The part of a Lot's price that its used tokens come to, rounded down, less what was paid. */
function payFor(model: Model, lot: m.ModelLot, tokens: number): bigint {
  lot.used += tokens;
  const due = (lot.value * BigInt(lot.used)) / BigInt(lot.tokens);
  const cost = due - lot.paid;
  lot.paid = due;
  lot.margin = m.smaller(lot.margin, m.shareUp(lot.value - lot.paid, lot.share));
  m.accountOf(model, lot.supplier).pending += cost;
  m.supplyOf(model, lot.supplier, lot.symbol).deliveredEver += tokens;
  return cost;
}

export function release(model: Model, command: Command<"release-delivery">): m.Outcome {
  const found = find(model, command);
  if ("ok" in found) return found;
  endDelivery(model, found);
  endOverdueLots(model, [found]);
  return m.accepted();
}

export function endDelivery(model: Model, delivery: m.ModelDelivery): void {
  model.deliveries = model.deliveries.filter((each) => each !== delivery);
}

/** Ends Lots of these deliveries that are used up, or expired and drawn on by nobody. */
export function endOverdueLots(model: Model, deliveries: readonly m.ModelDelivery[]): number {
  const numbers = new Set(deliveries.flatMap((d) => d.parts.map((part) => part.lot)));
  const lots = model.lots.filter((lot) => numbers.has(lot.number));
  return lots.filter((lot) => endIfDone(model, lot)).length;
}

export function endIfDone(model: Model, lot: m.ModelLot): boolean {
  const isUsedUp = lot.used === lot.tokens;
  if (m.reservedOn(model, lot.number) > 0) return false;
  if (!isUsedUp && lot.expiresMs > model.nowMs) return false;
  model.tally.add(isUsedUp ? "state: Lot used up" : "state: Lot expired");
  if (!isUsedUp) payAtExpiry(model, lot);
  model.lots = model.lots.filter((each) => each !== lot);
  return true;
}

/** What was not used is paid for the slots in which the supplier was there; the rest goes back. */
function payAtExpiry(model: Model, lot: m.ModelLot): void {
  let slots = 0;
  let healthy = 0;
  for (let slot = Math.ceil(lot.enteredMs / SLOT_MS); slot * SLOT_MS < lot.expiresMs; slot += 1) {
    const [fromMs, toMs] = [slot * SLOT_MS, (slot + 1) * SLOT_MS];
    if (model.outages.some((o) => o.fromMs < toMs && o.toMs > fromMs)) continue;
    slots += 1;
    const away = model.away
      .filter((a) => a.account === lot.supplier)
      .map((a) => Math.min(a.toMs ?? model.nowMs, toMs) - Math.max(a.fromMs, fromMs));
    if (m.count(away.map((ms) => Math.max(0, ms))) <= model.policy.slotAwayMsMax) healthy += 1;
  }
  const kind = slots === 0 ? "no slot" : healthy === slots ? "all slots" : "some slots";
  model.tally.add(`state: Lot expired, paid for ${healthy === 0 && slots > 0 ? "none" : kind}`);
  const escrow = lot.value - lot.paid;
  const earned = slots === 0 ? escrow : (escrow * BigInt(healthy)) / BigInt(slots);
  m.accountOf(model, lot.supplier).pending += earned;
  m.accountOf(model, lot.owner).available += escrow - earned;
}
