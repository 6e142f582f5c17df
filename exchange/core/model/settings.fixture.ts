/** The naive market's rules of settings: modes, what the exchange may spend for an account, top-ups. */
import type { Command } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { clockMs } from "./halts.fixture.ts";
import * as m from "./market.fixture.ts";
import { isFitForAutoMode } from "./resale.fixture.ts";
import { priceOf, purchase } from "./sources.fixture.ts";
import { line } from "./trading.fixture.ts";
import { enterAtOnce } from "./transfers.fixture.ts";

type Model = m.Model;

export function change(model: Model, command: Command<"change-settings">): m.Outcome {
  const owner = model.accounts.find((each) => each.number === command.account);
  if (owner === undefined) return m.refused("account-not-found");
  const { changes } = command;
  const mode = command.mode ?? owner.mode;
  const codes: RejectionCode[] = [];
  const isManaged = changes.autoTransfer !== undefined || changes.autoBuy !== undefined;
  if (mode === "easy" && isManaged) codes.push("mode-managed-setting");
  const { autoBuyTokens = 1, autoBuyTriggerTokens = 0 } = changes;
  if (!(autoBuyTokens >= 1 && autoBuyTriggerTokens >= 0)) codes.push("invalid-quantity");
  const caps = [changes.spendCapDayMicros, changes.spendCapMonthMicros];
  if (caps.some((cap) => typeof cap === "bigint" && cap < 0n)) codes.push("invalid-amount");
  for (const [symbol, ticks] of Object.entries(changes.priceCeilings ?? {})) {
    if (!model.instruments.some((each) => each.symbol === symbol)) {
      codes.push("instrument-not-found");
    } else if (ticks !== null && !(ticks >= 1)) codes.push("invalid-price");
  }
  if (codes.length > 0) return m.refused(...codes);
  const wasOn = owner.atOnce;
  if (mode !== owner.mode) {
    model.tally.add(`state: into ${mode} mode`);
    owner.autoBuy = mode === "easy";
    owner.atOnce = mode === "easy";
    if (mode === "easy") {
      model.orders = model.orders.filter((order) => order.account !== owner.number);
    }
  }
  owner.mode = mode;
  owner.atOnce = changes.autoTransfer ?? owner.atOnce;
  owner.autoBuy = changes.autoBuy ?? owner.autoBuy;
  owner.topUp.tokens = changes.autoBuyTokens ?? owner.topUp.tokens;
  owner.topUp.trigger = changes.autoBuyTriggerTokens ?? owner.topUp.trigger;
  if (changes.spendCapDayMicros !== undefined) owner.caps.day = changes.spendCapDayMicros;
  if (changes.spendCapMonthMicros !== undefined) owner.caps.month = changes.spendCapMonthMicros;
  for (const [symbol, ticks] of Object.entries(changes.priceCeilings ?? {})) {
    if (ticks === null) owner.ceilings.delete(symbol);
    else owner.ceilings.set(symbol, ticks);
  }
  if (owner.atOnce && !wasOn) enterAtOnce(model, owner.number);
  return m.accepted({ mode });
}

/** Buys for an account that a draw left with little, from the best asks of others up. */
export function topUp(model: Model, account: number, symbol: string): void {
  const owner = m.accountOf(model, account);
  const lots = model.lots
    .filter((lot) => lot.owner === account && lot.symbol === symbol)
    .filter((lot) => lot.tradingMs !== null || lot.expiresMs > clockMs(model, symbol));
  const position = m.count(lots.map((lot) => m.freeTokens(model, lot)));
  if (!owner.autoBuy || position >= owner.topUp.trigger) return;
  const { incrementTokens } = m.instrumentOf(model, symbol);
  if (m.phaseOf(model, symbol) !== "active") return;
  const asks = line(model, symbol, "sell").filter(
    (ask) => ask.account !== account && isFitForAutoMode(model, ask),
  );
  const best = asks[0]?.ticks ?? 0;
  const limit = best + Math.floor((best * model.policy.marketProtectionBps) / 10_000);
  const most = Math.min(limit, owner.ceilings.get(symbol) ?? limit);
  let missing = Math.ceil(owner.topUp.tokens / incrementTokens);
  const buys: { ask: m.ModelOrder; quantity: number }[] = [];
  for (const ask of asks.filter((each) => each.ticks <= most)) {
    const quantity = Math.min(missing, m.left(ask));
    if (quantity > 0) buys.push({ ask, quantity });
    missing -= quantity;
  }
  if (buys.length === 0) return;
  const wanted = { supplier: account, buys, passedOver: 0 };
  const price = m.withFee(model, priceOf(model, wanted));
  if (price > m.freeMoney(model, account) || isCapped(model, owner, price)) {
    model.tally.add("state: no money for a top-up");
    return;
  }
  model.tally.add("state: topped up");
  purchase(model, account, symbol, wanted);
}

/** Whether so much more would be beyond a cap of the running UTC day or month. */
export function isCapped(model: Model, owner: m.ModelAccount, micros: bigint): boolean {
  const spentIn = (length: number) => {
    const name = (ms: number) => new Date(ms).toISOString().slice(0, length);
    const in_ = owner.autoSpent.filter(({ atMs }) => name(atMs) === name(model.nowMs));
    return m.sum(in_.map((each) => each.micros)) + micros;
  };
  const { day, month } = owner.caps;
  return (day !== null && spentIn(10) > day) || (month !== null && spentIn(7) > month);
}
