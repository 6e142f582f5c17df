/** Who takes part in a simulated day: hundreds of accounts, with money, keys, nodes and a temper. */

import type { Random } from "#simulation/random.ts";
import type { DayMarket } from "./market.ts";
import { DAY_SYMBOLS } from "./settings.ts";

export const CAST = { suppliers: 30, traders: 120, buyers: 160 } as const;

/** What a supplier is like; decides how its deliveries end and how long it stays. */
export interface Supplier {
  account: number;
  node: number;
  symbols: readonly string[];
  /** One in so many of its deliveries fails before the first byte. */
  failsOneIn: number;
  /** Ticks above or below the middle that it asks for. */
  priceBps: number;
  /** Leaves for good at this hour of the day; null stays. */
  leavesAtHour: number | null;
  isLinked: boolean;
  sessions: number;
}

export interface Cast {
  suppliers: Supplier[];
  traders: number[];
  buyers: number[];
}

const CAPACITY_TOKENS = 400_000_000;
const DOLLAR = 1_000_000n;

/** Opens all accounts and links all nodes. */
export function openCast(market: DayMarket, random: Random): Cast {
  const cast: Cast = { suppliers: [], traders: [], buyers: [] };
  market.run({
    ...{ type: "fund-exchange", fund: "cover", amountMicros: 200n * DOLLAR, reference: "cover" },
  });
  market.run({
    ...{ type: "fund-exchange", fund: "guaranty", amountMicros: 100n * DOLLAR },
    reference: "guaranty",
  });
  for (let n = 0; n < CAST.suppliers; n += 1) cast.suppliers.push(openSupplier(market, random, n));
  for (let n = 0; n < CAST.traders; n += 1) {
    cast.traders.push(openAccount(market, `trader ${n}`, "advanced", random.between(5, 60)));
  }
  for (let n = 0; n < CAST.buyers; n += 1) {
    cast.buyers.push(openAccount(market, `buyer ${n}`, "easy", random.between(2, 40)));
  }
  return cast;
}

export const keyOf = (account: number): string => `key-${account}`;

function openAccount(
  market: DayMarket,
  name: string,
  mode: "easy" | "advanced",
  dollars: number,
): number {
  const { account } = market.run({ type: "open-account", name, mode });
  deposit(market, account, BigInt(dollars) * DOLLAR, "available", `${name} first`);
  const key = { keyId: keyOf(account), secretHash: "hash", label: "day" };
  market.run({ type: "add-api-key", account, ...key });
  return account;
}

export function deposit(
  market: DayMarket,
  account: number,
  amountMicros: bigint,
  to: "available" | "bond",
  reference: string,
): void {
  market.run({ type: "deposit", account, amountMicros, to, reference });
}

function openSupplier(market: DayMarket, random: Random, n: number): Supplier {
  const account = openAccount(market, `supplier ${n}`, "advanced", 1);
  const isPoor = n % 6 === 5;
  deposit(market, account, isPoor ? DOLLAR / 10n : 300n * DOLLAR, "bond", `bond ${n}`);
  const tokenHash = `token-${n}`;
  const expiresAtMs = market.nowMs + 60_000;
  market.run({ type: "create-join-token", account, tokenHash, nodesMax: 1, expiresAtMs });
  const { node } = market.run({
    ...{ type: "enrol-node", tokenHash, publicKey: `node-${n}`, name: `node ${n}` },
  });
  const supplier: Supplier = {
    ...{ account, node, isLinked: false, sessions: 0 },
    symbols: n % 3 === 0 ? DAY_SYMBOLS : [DAY_SYMBOLS[n % DAY_SYMBOLS.length] as string],
    failsOneIn: n % 10 === 9 ? 12 : random.between(60, 400),
    priceBps: random.between(-400, 400),
    // Two leave with Lots open, one of them hardly bonded: abandonment, close-out, default.
    leavesAtHour: n === 5 ? 2.5 : n === 8 ? 14 : null,
  };
  link(market, supplier);
  return supplier;
}

export function link(market: DayMarket, supplier: Supplier): void {
  supplier.sessions += 1;
  market.run({
    type: "connect-node",
    node: supplier.node,
    session: sessionOf(supplier),
    slots: 8,
    supplies: supplier.symbols.map((symbol) => ({ symbol, capacityTokens: CAPACITY_TOKENS })),
  });
  supplier.isLinked = true;
}

export function unlink(market: DayMarket, supplier: Supplier): void {
  market.run({
    ...{ type: "disconnect-node", node: supplier.node, session: sessionOf(supplier) },
    reason: "left",
  });
  supplier.isLinked = false;
}

const sessionOf = ({ node, sessions }: Supplier): string => `session-${node}-${sessions}`;
