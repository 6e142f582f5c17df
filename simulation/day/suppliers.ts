/** What suppliers of a simulated day do beside answering: quote, lose their links, leave for good. */

import { link, type Supplier, unlink } from "./cast.ts";
import type { Scene } from "./deliveries.ts";
import { priceNear } from "./prices.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;

/** A supplier replaces its ask on one instrument. */
export function quote(scene: Scene): void {
  const { market, random } = scene;
  const supplier = random.pick(scene.cast.suppliers.filter(({ isLinked }) => isLinked));
  const symbol = random.pick(supplier.symbols);
  const middle = priceNear(random, symbol, 200);
  if (random.oneIn(2)) {
    quoteSet(scene, supplier, symbol, middle);
    return;
  }
  market.try({ type: "cancel-orders", account: supplier.account, symbol });
  market.try({
    ...{ type: "place-order", account: supplier.account, symbol, side: "sell" },
    ...{ orderType: "limit", timeInForce: "gtc", quantity: random.between(50, 600) },
    priceTicks: Math.max(1, Math.round((middle * (10_000 + supplier.priceBps)) / 10_000)),
    ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: true },
  });
}

/** Three quotes in place of all it had, in one command. */
function quoteSet(scene: Scene, { account, priceBps }: Supplier, symbol: string, middle: number) {
  const { market, random } = scene;
  const best = Math.max(1, Math.round((middle * (10_000 + priceBps)) / 10_000));
  const quotes = [0, 1, 2].map((step) => ({
    priceTicks: best + step * Math.max(1, Math.round(middle / 100)),
    quantity: random.between(30, 250),
  }));
  market.try({ type: "replace-quotes", account, symbol, quotes });
}

/** For seconds or minutes; the exchange covers what it owes meanwhile. */
export function loseLink(scene: Scene): void {
  const { market, random } = scene;
  const supplier = random.pick(scene.cast.suppliers);
  if (!supplier.isLinked) return;
  unlink(market, supplier);
  scene.later(2 * SECOND_MS + random.exponential(90 * SECOND_MS), () => {
    comeBack(scene, supplier);
  });
}

export function leave(scene: Scene): void {
  for (const supplier of scene.cast.suppliers) {
    if (isGone(supplier, scene) && supplier.isLinked) unlink(scene.market, supplier);
  }
}

function isGone({ leavesAtHour }: Supplier, { market, startMs }: Scene): boolean {
  return leavesAtHour !== null && market.nowMs >= startMs + leavesAtHour * HOUR_MS;
}

/** Links again, unless it is linked or gone for good. */
export function comeBack(scene: Scene, supplier: Supplier): void {
  if (!supplier.isLinked && !isGone(supplier, scene)) link(scene.market, supplier);
}
