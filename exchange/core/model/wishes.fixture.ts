/** All wishes: money, supply and time here, orders and deliveries beside; and how often each is drawn. */
import fc from "fast-check";
import {
  decideOn,
  haltOrResume,
  moveUnits,
  set,
  setBack,
  withdraw,
} from "./account-wishes.fixture.ts";
import { draw, release, reserve, retry, settle } from "./delivery-wishes.fixture.ts";
import {
  again,
  ask,
  bid,
  buyBack,
  buyMuch,
  cancel,
  cancelAll,
  market,
  resell,
  sellMuch,
} from "./order-wishes.fixture.ts";
import { batch, endSession, phase, quotes, setGroup, setSwitch } from "./quoting-wishes.fixture.ts";
import {
  amendment,
  bothSides,
  leaveWaiting,
  special,
  stop,
} from "./special-order-wishes.fixture.ts";
import {
  anybody,
  DRAWERS,
  keyOf,
  kind,
  longWait,
  mostly,
  NOBODY,
  NODES,
  pick,
  quantity,
  SYMBOLS,
  supplier,
  symbol,
  type Wish,
} from "./wish.fixture.ts";

const deposit = kind({
  name: "deposit",
  of: fc.record({
    account: mostly(anybody, fc.constant(NOBODY), 20),
    amountMicros: mostly(
      fc.constantFrom(20_000n, 20_000n, 2_000_000n),
      fc.constantFrom(0n, -5n, 1_000_000_000_000_001n),
      12,
    ),
    to: fc.constantFrom<"available" | "bond">("available", "bond"),
    reference: fc.nat(40).map((number) => `transfer ${number}`),
  }),
  command: (wish) => ({ type: "deposit", ...wish }),
});
const depositAgain = kind({
  name: "deposit again",
  of: fc.nat(50),
  command: (at, model) => {
    const none = ["none", { content: "4 available 5" }] as const;
    const [reference, { content }] =
      pick(
        [...model.references].filter(([, known]) => !known.content.startsWith("withdrawal")),
        at,
      ) ?? none;
    if (content.startsWith("exchange")) {
      const [, fund, amount] = content.split(" ") as [string, "cover" | "guaranty", string];
      return { type: "fund-exchange", fund, amountMicros: BigInt(amount), reference };
    }
    const [account, to, amount] = content.split(" ") as [string, "available" | "bond", string];
    const amountMicros = BigInt(amount);
    return { type: "deposit", account: Number(account), amountMicros, to, reference };
  },
});
const fund = kind({
  name: "fund",
  of: fc.record({
    fund: fc.constantFrom<"cover" | "guaranty">("cover", "cover", "guaranty"),
    amountMicros: mostly(fc.constantFrom(5_000n, 60_000n), fc.constantFrom(0n, -1n), 12),
    reference: fc.nat(40).map((number) => `transfer ${number}`),
  }),
  command: (wish) => ({ type: "fund-exchange", ...wish }),
});
/** A supplier that could not pay brings new bond: a little, or more than enough. */
const redeem = kind({
  name: "redeem",
  of: fc.record({ at: fc.nat(2), amountMicros: fc.constantFrom(1_000n, 3_000_000n) }),
  command: ({ at, amountMicros }, model) => {
    const debtor = pick(
      model.accounts.filter((account) => account.debt > 0n),
      at,
    );
    if (debtor === undefined) return null;
    const reference = `bond ${model.references.size}`;
    return { type: "deposit", account: debtor.number, amountMicros, to: "bond", reference };
  },
});
const units = fc.record({ account: supplier, symbol, quantity });
const issue = kind({
  name: "issue",
  of: units,
  command: (wish) => ({ type: "issue-supply", ...wish }),
});
const transfer = kind({
  name: "transfer",
  of: units,
  command: (wish, model) => {
    const held = model.supplies.find((s) => s.inIssuance > 0 && wish.quantity < 12);
    const { account, symbol } = held ?? wish;
    return { type: "transfer-issued", account, symbol, quantity: wish.quantity };
  },
});

/** An account's key is revoked, and given again before another is: at most one lacks its own. */
const turnKey = kind({
  name: "turn key",
  of: fc.constantFrom(...DRAWERS),
  command: (wish, model) => {
    const account = DRAWERS.find((each) => !model.keys.has(keyOf(each)));
    if (account === undefined) return { type: "revoke-key", account: wish, key: keyOf(wish) };
    const keyId = keyOf(account);
    return { type: "add-api-key", account, keyId, secretHash: "hash", label: "key" };
  },
});

/** What a node says it serves. */
const SUPPLIES: Record<string, string[]> = {
  both: ["text-lite", "text-odd"],
  turned: ["text-odd", "text-lite"],
  lite: ["text-lite"],
  none: [],
  unknown: ["text-lite", "text-none"],
};
const supplies = fc
  .constantFrom("both", "both", "both", "both", "turned", "lite", "none", "unknown")
  .map((name) => SUPPLIES[name] as string[]);
const connect = kind({
  name: "connect",
  of: fc.record({
    node: mostly(fc.integer({ min: 1, max: NODES.length }), fc.constant(NODES.length + 5), 30),
    session: fc.constantFrom("x", "y"),
    supplies,
    // Among the odd ones, a share of which an increment is just too much.
    capacityTokens: mostly(
      fc.integer({ min: 20_000_000, max: 120_000_000 }),
      fc.constantFrom(0, 1, 39_999, 1_000_000, 8_000_000),
      6,
    ),
  }),
  command: ({ node, session, supplies, capacityTokens }) => ({
    ...{ type: "connect-node", node, session, slots: 4 },
    supplies: supplies.map((symbol) => ({ symbol, capacityTokens })),
  }),
});
/** A node that has no link comes back as it was meant to be. */
const relink = kind({
  name: "relink",
  of: fc.nat(3),
  command: (at, model) => {
    const node = pick(
      model.nodes.filter((each) => each.session === null),
      at,
    );
    if (node === undefined) return null;
    const supplies = SYMBOLS.map((symbol) => ({ symbol, capacityTokens: 60_000_000 }));
    return { type: "connect-node", node: node.number, session: "z", slots: 4, supplies };
  },
});
const disconnect = kind({
  name: "disconnect",
  of: fc.record({
    node: mostly(fc.integer({ min: 1, max: NODES.length }), fc.constant(NODES.length + 5), 30),
    /** Rather the node of somebody that serves now. */
    serving: mostly<number | null>(fc.nat(3), fc.constant(null), 1),
    stale: mostly(fc.constant(false), fc.constant(true), 6),
    reason: fc.constantFrom("link-lost", "link-lost", "drain"),
  }),
  command: ({ node: drawn, serving, stale, reason }, model) => {
    const supplier = serving === null ? undefined : pick(model.deliveries, serving)?.supplier;
    const linked = model.nodes.filter((n) => n.account === supplier && n.session !== null);
    const node = linked[0]?.number ?? drawn;
    const session = model.nodes.find((n) => n.number === node)?.session ?? "x";
    return {
      ...{ type: "disconnect-node", node, reason },
      session: stale ? `${session} of old` : session,
    };
  },
});
/** The operator changes fees, margins and lifetimes while orders rest and Lots are open. */
const adopt = kind({
  name: "adopt policy",
  of: fc.record({
    takerFeeBps: fc.constantFrom(0, 37, 100, 200),
    makerFeeBps: fc.constantFrom(0, 25, 150, 300),
    bondMarginBps: fc.constantFrom(500, 3_333, 8_000, 10_000),
    issuanceThetaBps: fc.constantFrom(1_000, 2_500, 2_500, 4_000),
    lotLifetimeMs: fc.constantFrom(200_000, 900_000, 7_200_000),
  }),
  command: (wish, { policy }) => ({ type: "adopt-policy", policy: { ...policy, ...wish } }),
});
const tick = kind({
  name: "tick",
  of: fc.constant(null),
  waits: longWait,
  command: () => ({ type: "tick" }),
});
/** A restart: the shell says when the journal's last event was; here also much later. */
const restart = kind({
  name: "restart",
  of: fc.constantFrom(0, 0, 0, 1_000_000_000),
  waits: longWait,
  command: (offMs, _model, lastSeenMs) => ({ type: "resume", lastSeenMs: lastSeenMs + offMs }),
});

/** Another core takes over from a snapshot, as if nothing had been. */
const takeover = kind({
  name: "takeover",
  of: fc.constant(null),
  command: () => ({ type: "tick" }),
});

/** Each kind of wish, and how often it is drawn. */
const WEIGHTS: [kind: fc.Arbitrary<Wish>, weight: number][] = [
  [ask, 13],
  [bid, 5],
  [sellMuch, 2],
  [buyMuch, 2],
  [market, 2],
  [special, 6],
  [stop, 7],
  [leaveWaiting, 2],
  [bothSides, 3],
  [amendment, 8],
  [quotes, 5],
  [batch, 2],
  [phase, 3],
  [setGroup, 3],
  [setSwitch, 1],
  [endSession, 1],
  [again, 1],
  [cancel, 2],
  [cancelAll, 1],
  [deposit, 2],
  [depositAgain, 1],
  [fund, 1],
  [redeem, 2],
  [issue, 1],
  [transfer, 1],
  [moveUnits, 6],
  [haltOrResume, 2],
  [withdraw, 2],
  [decideOn, 2],
  [set, 3],
  [setBack, 3],
  [resell, 7],
  [buyBack, 3],
  [reserve, 8],
  [draw, 13],
  [retry, 16],
  [settle, 9],
  [release, 2],
  [connect, 5],
  [relink, 8],
  [disconnect, 4],
  [tick, 3],
  [restart, 1],
  [turnKey, 1],
  [takeover, 1],
  [adopt, 2],
];
export const WISHES = WEIGHTS.flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind),
);
