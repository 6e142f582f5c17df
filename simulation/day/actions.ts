/**
 * What people do in a simulated day, each with how long passes between two of them on average. An
 * action may come to nothing: nothing to cancel, no money left.
 */
import { deposit, keyOf } from "./cast.ts";
import { endLater, type Scene } from "./deliveries.ts";
import { priceNear } from "./prices.ts";
import { MIDDLE_TICKS } from "./settings.ts";
import { leave, loseLink, quote } from "./suppliers.ts";
import { amend, backToTrading, intoConsumption, resell, stop, withdraw } from "./trading.ts";

export interface Action {
  name: string;
  meanMs: number;
  act: (scene: Scene) => void;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export const ACTIONS: readonly Action[] = [
  { name: "request", meanMs: 1_200, act: request },
  { name: "quote", meanMs: 12 * SECOND_MS, act: quote },
  { name: "bid", meanMs: 20 * SECOND_MS, act: bid },
  { name: "market buy", meanMs: 40 * SECOND_MS, act: marketBuy },
  { name: "cancel", meanMs: 30 * SECOND_MS, act: cancel },
  { name: "cancel all", meanMs: 30 * MINUTE_MS, act: cancelAll },
  { name: "trader's request", meanMs: 6 * SECOND_MS, act: tradersRequest },
  { name: "resale", meanMs: 15 * SECOND_MS, act: resell },
  { name: "into consumption", meanMs: MINUTE_MS, act: intoConsumption },
  { name: "back to trading", meanMs: 5 * MINUTE_MS, act: backToTrading },
  { name: "stop order", meanMs: 3 * MINUTE_MS, act: stop },
  { name: "amendment", meanMs: MINUTE_MS, act: amend },
  { name: "withdrawal", meanMs: 20 * MINUTE_MS, act: withdraw },
  { name: "deposit", meanMs: 4 * MINUTE_MS, act: topUp },
  { name: "link lost", meanMs: 9 * MINUTE_MS, act: loseLink },
  { name: "supplier leaves", meanMs: MINUTE_MS, act: leave },
];

function request(scene: Scene): void {
  reserve(scene, scene.random.pick(scene.cast.buyers));
}

function tradersRequest(scene: Scene): void {
  reserve(scene, scene.random.pick(scene.cast.traders));
}

function reserve(scene: Scene, account: number): void {
  const { market, random } = scene;
  const reservation = market.try({
    type: "reserve-delivery",
    account,
    symbol: random.pick(Object.keys(MIDDLE_TICKS)),
    keyId: keyOf(account),
    promptTokens: 50 + random.exponential(1_500),
    maxOutputTokens: random.oneIn(3) ? null : random.between(50, 4_000),
    choices: random.oneIn(20) ? 2 : 1,
    requestId: `request-${market.commands}`,
  });
  if (reservation !== null) endLater(scene, reservation);
}

function bid(scene: Scene): void {
  const { market, random } = scene;
  const symbol = random.pick(Object.keys(MIDDLE_TICKS));
  market.try({
    ...{ type: "place-order", account: random.pick(scene.cast.traders), symbol, side: "buy" },
    ...{ orderType: "limit", timeInForce: random.pick(["gtc", "gtc", "ioc", "fok"] as const) },
    ...{ quantity: random.between(1, 300), priceTicks: priceNear(random, symbol, 600) },
    ...{ maxSlippageBps: null, postOnly: random.oneIn(8), clientOrderId: null },
    issueMissing: false,
  });
}

function marketBuy(scene: Scene): void {
  const { market, random } = scene;
  market.try({
    ...{ type: "place-order", account: random.pick(scene.cast.traders), side: "buy" },
    ...{ symbol: random.pick(Object.keys(MIDDLE_TICKS)), orderType: "market", priceTicks: null },
    ...{ timeInForce: "ioc", quantity: random.between(1, 200), postOnly: false },
    maxSlippageBps: random.oneIn(3) ? random.between(10, 500) : null,
    ...{ clientOrderId: null, issueMissing: false },
  });
}

function cancel(scene: Scene): void {
  const { market, random } = scene;
  const account = random.pick(scene.cast.traders);
  const open = [...(market.state.accounts.get(account)?.openOrders ?? [])];
  if (open.length > 0) market.try({ type: "cancel-order", account, order: random.pick(open) });
}

function cancelAll(scene: Scene): void {
  const account = scene.random.pick(scene.cast.traders);
  scene.market.try({ type: "cancel-orders", account, symbol: null });
}

function topUp(scene: Scene): void {
  const { market, random, cast } = scene;
  const account = random.pick([...cast.traders, ...cast.buyers]);
  const amount = BigInt(random.between(1, 30)) * 1_000_000n;
  deposit(market, account, amount, "available", `top-up ${market.commands}`);
}
