/**
 * The commands of the benchmark: traders that place and cancel bids around a price, and a supplier
 * whose asks some of them trade with. Seeded; the number of open orders stays about the same.
 */
import { readFileSync } from "node:fs";
import type { Command } from "#exchange/core/commands.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { Random } from "#simulation/random.ts";

const json = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../config/${name}.json`, import.meta.url), "utf8"));

const SYMBOL = "text-lite";
const MIDDLE_TICKS = 10_000;

export interface MixOptions {
  seed: number;
  traders: number;
  /** About; from then on as many are cancelled as placed. */
  openOrdersPerTrader: number;
  /** Of a hundred commands, how many are asks that trade. */
  asksPercent: number;
  nowMs: () => number;
  /** Sees what setting the market up emits. */
  onEvents: (events: readonly CoreEvent[]) => void;
}

export const USUAL_MIX = { traders: 400, openOrdersPerTrader: 20, asksPercent: 5 };

export type OrderMix = () => Command;

/** Opens accounts on an empty core, and returns what makes one command after another. */
export function createOrderMix(core: Core, options: MixOptions): OrderMix {
  const { seed, nowMs, onEvents } = options;
  const random = new Random(seed);
  const run = <R>(command: Command): R => {
    const executed = core.execute(command, nowMs());
    onEvents(executed.events);
    if (!executed.ok) throw new Error(`${command.type}: ${executed.rejection.message}`);
    return executed.result as R;
  };
  run({ type: "adopt-policy", policy: json("policy") });
  for (const instrument of json("instruments")) run({ type: "list-instrument", instrument });
  const open = (name: string): number =>
    run<{ account: number }>({ type: "open-account", name, mode: "advanced" }).account;
  const pay = (account: number, to: "available" | "bond") =>
    run({ type: "deposit", account, amountMicros: 10n ** 12n, to, reference: `${account}-${to}` });
  const traders = Array.from({ length: options.traders }, (_each, index) =>
    open(`trader ${index}`),
  );
  for (const trader of traders) pay(trader, "available");
  const supplier = open("supplier");
  pay(supplier, "available");
  pay(supplier, "bond");
  const expiresAtMs = nowMs() + 60_000;
  run({
    type: "create-join-token",
    account: supplier,
    tokenHash: "token",
    nodesMax: 1,
    expiresAtMs,
  });
  const { node } = run<{ node: number }>({
    type: "enrol-node",
    tokenHash: "token",
    publicKey: "key",
    name: "node",
  });
  const supplies = [{ symbol: SYMBOL, capacityTokens: 1e14 }];
  run({ type: "connect-node", node, session: "session", slots: 4, supplies });

  const place = (account: number, side: "buy" | "sell", priceTicks: number): Command => ({
    type: "place-order",
    account,
    symbol: SYMBOL,
    side,
    orderType: "limit",
    timeInForce: side === "sell" ? "ioc" : "gtc",
    quantity: random.between(1, 20),
    priceTicks,
    maxSlippageBps: null,
    postOnly: false,
    clientOrderId: null,
    issueMissing: side === "sell",
  });
  return () => {
    if (random.between(1, 100) <= options.asksPercent)
      return place(supplier, "sell", MIDDLE_TICKS - 200);
    const account = traders[random.between(0, traders.length - 1)] as number;
    const orders = core.state.accounts.get(account)?.openOrders;
    if (orders !== undefined && random.between(0, 2 * options.openOrdersPerTrader) < orders.size) {
      const [order] = orders;
      return { type: "cancel-order", account, order: order as number };
    }
    return place(account, "buy", MIDDLE_TICKS - random.between(0, 300));
  };
}
