/** The naive market's rules of batches, mass quotes, quote groups, sessions and switches. */
import type { Command, PlaceOrder } from "#exchange/core/commands.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { isOutOfBand } from "./bands.fixture.ts";
import { cancelWhere } from "./groups.fixture.ts";
import * as m from "./market.fixture.ts";
import { groupProblems, phaseProblems, shapeProblems } from "./order-problems.fixture.ts";
import { issue, place, sellable } from "./orders.fixture.ts";
import { close, enter, open, reach, valueOfFills } from "./trading.fixture.ts";

type Model = m.Model;

/**
 * Each by itself. Which of several right refusals the core chose is its own matter: it is asked for the
 * code that it gave and has to be among them.
 */
export function placeAll(
  model: Model,
  command: Command<"place-orders">,
  shown: unknown,
): m.Outcome {
  const { account, orders } = command;
  if (orders.length < 1 || orders.length > 100) return m.refused("invalid-order");
  if (orders.some((order) => order.account !== account)) return m.refused("invalid-order");
  const { results = [] } = (shown ?? {}) as { results?: { rejection?: { code: RejectionCode } }[] };
  return m.accepted({
    results: orders.map((order, at) => {
      const outcome = place(model, { type: "place-order", ...order });
      if (outcome.ok) return outcome;
      const rejection = results[at]?.rejection;
      return rejection !== undefined && outcome.codes.includes(rejection.code)
        ? { ok: false, rejection }
        : outcome;
    }),
  });
}

const asPlaced = (
  account: number,
  symbol: string,
): Omit<PlaceOrder, "priceTicks" | "quantity"> => ({
  ...{ account, symbol, side: "sell", orderType: "limit", timeInForce: "gtc" },
  ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: true },
});

export function replaceQuotes(model: Model, command: Command<"replace-quotes">): m.Outcome {
  const { account, symbol, quotes } = command;
  if (quotes.length > 100) return m.refused("invalid-order");
  const some = quotes.length > 0 ? quotes : [{ priceTicks: 1, quantity: 1 }];
  let codes: RejectionCode[] = some
    .flatMap((quote) => shapeProblems(model, { ...asPlaced(account, symbol), ...quote }))
    // How many there are, in which phase and in which band, matters for new quotes alone.
    .filter((code) => code !== "too-many-open-orders" && code !== "market-closed");
  const known = model.instruments.find((i) => i.symbol === symbol);
  const isFine = ({ priceTicks }: (typeof quotes)[number]) =>
    Number.isInteger(priceTicks) && priceTicks >= 1 && priceTicks <= (known?.priceTicksMax ?? 0);
  if (quotes.every(isFine)) codes = codes.filter((code) => code !== "invalid-price");
  if (codes.length > 0) return m.refused(...codes);

  const asks = m
    .asksOf(model, account, symbol)
    .filter((ask) => ask.isLimit && ask.stage !== "waiting")
    .sort((a, b) => a.number - b.number);
  const [group, session] = [command.group ?? null, command.session ?? null];
  const used: m.ModelOrder[] = [];
  const find = (quote: (typeof quotes)[number], fits: (left: number) => boolean) => {
    const found = asks.find(
      (ask) =>
        !used.includes(ask) &&
        ask.tif === "gtc" &&
        ask.ticks === quote.priceTicks &&
        ask.group === group &&
        ask.session === session &&
        fits(m.left(ask)),
    );
    if (found !== undefined) used.push(found);
    return found;
  };
  const same = quotes.map((quote) => find(quote, (left) => left === quote.quantity));
  const rows = quotes.map((quote, at) => ({
    quote,
    ask: same[at] ?? find(quote, (left) => left > quote.quantity),
  }));
  const gone = asks.filter((ask) => !used.includes(ask));
  const fresh = rows.filter(({ ask }) => ask === undefined).map(({ quote }) => quote);
  const own = model.orders.filter((order) => order.account === account).length;
  const after = own - gone.length + fresh.length;
  if (fresh.length > 0) {
    if (after > model.policy.openOrdersPerAccountMax) codes.push("too-many-open-orders");
    const { safety } = model.policy;
    const here = model.orders.filter((o) => o.account === account && o.symbol === symbol).length;
    const thereAfter = here - gone.length + fresh.length;
    if (thereAfter > (safety?.openOrdersPerInstrumentMax ?? thereAfter)) {
      codes.push("too-many-open-orders");
    }
    if (fresh.some(({ priceTicks }) => isOutOfBand(model, symbol, "sell", priceTicks))) {
      codes.push("invalid-price");
    }
    const shape = { symbol, timeInForce: "gtc", postOnly: false, isMarket: false } as const;
    codes.push(...phaseProblems(model, shape));
    if (group !== null) codes.push(...groupProblems(model, account, symbol, group));
  }

  // What the set frees first: Units and bond of what goes and of what shrinks.
  const restOf = (ask: m.ModelOrder) => rows.find((row) => row.ask === ask)?.quote.quantity ?? 0;
  const less = (ask: m.ModelOrder) => m.tokensOf(model, symbol, m.left(ask) - restOf(ask));
  const holdThen = (ask: m.ModelOrder) =>
    m.shareUp(m.worth(model, symbol, ask.ticks, restOf(ask)), ask.share);
  const freed = m.count(asks.map(less));
  const freedBond = m.sum(asks.map((ask) => ask.hold - holdThen(ask)));
  const margin = ({ priceTicks, quantity }: (typeof quotes)[number]) =>
    m.marginOf(model, m.worth(model, symbol, priceTicks, quantity));
  const total = m.count(fresh.map(({ quantity }) => quantity));
  let missing = 0;
  if (fresh.length > 0) {
    missing = Math.max(
      0,
      m.tokensOf(model, symbol, total) - sellable(model, account, symbol) - freed,
    );
    const outstanding =
      m.supplyOf(model, account, symbol).unsold + m.owedBy(model, account, symbol);
    if (missing > 0 && outstanding + missing > m.issuanceLimit(model, account, symbol)) {
      codes.push("capacity-exceeded");
    }
    if (!m.canServe(model, account, symbol)) codes.push("node-not-connected");
    if (m.accountOf(model, account).debt > 0n) codes.push("insufficient-bond");
    // No more than all of them would take at the lowest price, each fill and quote rounded once more.
    const ticks = Math.min(...fresh.map(({ priceTicks }) => priceTicks));
    const taker = { account, symbol, side: "sell", ticks, mode: "cancel-newest" } as const;
    const { fills } = reach(model, { ...taker, wanted: total });
    const lots = fills.map(
      ({ maker, quantity }) =>
        m.marginOf(model, m.worth(model, symbol, maker.ticks, quantity)) + 1n,
    );
    const roundings = fills.length > 0 ? BigInt(fresh.length) : 0n;
    const bond = m.sum([...fresh.map(margin), ...lots, roundings]);
    if (bond > m.freeBond(model, account) + freedBond) codes.push("insufficient-bond");
    const fee = m.shareUp(valueOfFills(model, symbol, fills), model.policy.takerFeeBps);
    if (fee > m.freeMoney(model, account)) codes.push("insufficient-balance");
  }
  if (codes.length > 0) return m.refused(...codes);

  for (const ask of gone) close(model, ask);
  for (const ask of used) {
    if (m.left(ask) > restOf(ask)) model.tally.add("state: quote shrunk in its place");
    Object.assign(ask, { hold: holdThen(ask), quantity: ask.filled + restOf(ask) });
  }
  if (used.length > 0 && fresh.length > 0) model.tally.add("state: quotes kept beside new ones");
  if (missing > 0) issue(model, account, symbol, missing);
  const orders = rows.map(({ quote, ask }) => {
    if (ask !== undefined) return ask.number;
    const { priceTicks: ticks, quantity } = quote;
    const placed = open(model, {
      ...{ account, symbol, side: "sell", ticks, quantity, hold: margin(quote), postOnly: false },
      ...{ rests: true, fillOrKill: false, tif: "gtc", isLimit: true, group, session },
    });
    enter(model, placed);
    return placed.number;
  });
  const kept = orders.length - fresh.length;
  return m.accepted({ orders, kept, placed: fresh.length, cancelled: gone.length });
}

export function setGroup(model: Model, command: Command<"set-quote-group">): m.Outcome {
  const { account, symbol, group, quantityMax, windowMs } = command;
  if (!model.accounts.some((a) => a.number === account)) return m.refused("account-not-found");
  model.groups = model.groups.filter(
    (g) => g.account !== account || g.symbol !== symbol || g.name !== group,
  );
  model.groups.push({
    account,
    symbol,
    name: group,
    quantityMax,
    windowMs,
    tripped: false,
    fills: [],
  });
  return m.accepted({ group });
}

export function cancelAfter(model: Model, command: Command<"cancel-after">): m.Outcome {
  const { account, afterMs } = command;
  const codes: RejectionCode[] = [];
  if (!model.accounts.some((a) => a.number === account)) codes.push("account-not-found");
  if (afterMs !== 0 && !(afterMs >= 5_000 && afterMs <= 300_000)) codes.push("invalid-order");
  if (codes.length > 0) return m.refused(...codes);
  model.switches.delete(account);
  if (afterMs > 0) model.switches.set(account, model.nowMs + afterMs);
  return m.accepted({ cancelsAtMs: afterMs > 0 ? model.nowMs + afterMs : null });
}

export function endSession(model: Model, command: Command<"cancel-session-orders">): m.Outcome {
  const { account, session } = command;
  if (!model.accounts.some((a) => a.number === account)) return m.refused("account-not-found");
  return m.accepted({ cancelled: cancelWhere(model, account, (o) => o.session === session) });
}
