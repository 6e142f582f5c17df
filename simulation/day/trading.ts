/** What traders of a simulated day do with what they bought: sell it on, move it, change their minds. */
import type { Order } from "#exchange/core/state.ts";
import type { Scene } from "./deliveries.ts";
import { priceNear } from "./prices.ts";
import { MIDDLE_TICKS } from "./settings.ts";

const SYMBOLS = Object.keys(MIDDLE_TICKS);

/** Offers bought Units that wait in Trading. */
export function resell(scene: Scene): void {
  const { market, random, cast } = scene;
  const lots = [...market.state.lots.values()].filter(
    ({ tradingSinceMs, owner }) => tradingSinceMs !== null && cast.traders.includes(owner),
  );
  if (lots.length === 0) return;
  const { owner: account, symbol } = random.pick(lots);
  market.try({
    ...{ type: "place-order", account, symbol, side: "sell", orderType: "limit" },
    ...{ timeInForce: "gtc", quantity: random.between(1, 40), postOnly: false },
    ...{ priceTicks: priceNear(random, symbol, 500), maxSlippageBps: null },
    ...{ clientOrderId: null, issueMissing: false },
  });
}

export function intoConsumption(scene: Scene): void {
  move(scene, "transfer-to-consumption");
}

export function backToTrading(scene: Scene): void {
  move(scene, "transfer-to-trading");
}

function move(scene: Scene, type: "transfer-to-consumption" | "transfer-to-trading"): void {
  const { market, random, cast } = scene;
  const account = random.pick(cast.traders);
  market.try({ type, account, symbol: random.pick(SYMBOLS), quantity: random.between(1, 50) });
}

/** An order that waits for the market to move. */
export function stop(scene: Scene): void {
  const { market, random, cast } = scene;
  const symbol = random.pick(SYMBOLS);
  market.try({
    ...{ type: "place-order", account: random.pick(cast.traders), symbol, side: "buy" },
    ...{ orderType: "stop", timeInForce: "day", quantity: random.between(1, 80) },
    ...{ priceTicks: null, stopTicks: priceNear(random, symbol, 700), maxSlippageBps: null },
    ...{ postOnly: false, clientOrderId: null, issueMissing: false },
  });
}

export function amend(scene: Scene): void {
  const { market, random } = scene;
  const order = anOpenOrder(scene);
  if (order === null) return;
  const { account, number, symbol, quantity } = order;
  const changes = random.oneIn(2)
    ? { quantity: Math.max(1, quantity - random.between(1, 20)) }
    : { priceTicks: priceNear(random, symbol, 500) };
  market.try({ type: "amend-order", account, order: number, ...changes });
}

function anOpenOrder({ market, random, cast }: Scene): Order | null {
  const account = market.state.accounts.get(random.pick(cast.traders));
  const open = [...(account?.openOrders ?? [])];
  if (open.length === 0) return null;
  return market.state.orders.get(random.pick(open)) ?? null;
}

/** Asks for money back; most of the time the operator pays it out, an hour later. */
export function withdraw(scene: Scene): void {
  const { market, random, cast } = scene;
  const account = random.pick(cast.traders);
  const asked = market.try({
    ...{
      type: "request-withdrawal",
      account,
      amountMicros: BigInt(random.between(1, 9)) * 500_000n,
    },
    ...{ from: "available", reference: `withdrawal ${market.commands}` },
  });
  if (asked === null) return;
  const { withdrawal } = asked;
  scene.later(random.below(3_600_000), () => {
    if (random.oneIn(5)) {
      market.try({ type: "reject-withdrawal", withdrawal, reason: "the account is not named" });
    } else market.try({ type: "complete-withdrawal", withdrawal });
  });
}
