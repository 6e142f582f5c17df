/** Wishes of account owners: settings, Units moved by hand. */
import fc from "fast-check";
import type { Command } from "#exchange/core/commands.ts";
import { EXCHANGE } from "./market.fixture.ts";
import {
  anybody,
  BUYERS,
  kind,
  longWait,
  mostly,
  NOBODY,
  pick,
  quantity,
  symbol,
} from "./wish.fixture.ts";

/** What an account is set to; seldom its mode, since the cast has its parts. */
export const set = kind({
  name: "set",
  of: fc.record({
    account: mostly(fc.constantFrom(4, 5, 6, 7), fc.constantFrom(3, NOBODY), 12),
    mode: mostly<"easy" | "advanced" | null>(
      fc.constant(null),
      fc.constantFrom("easy", "advanced"),
      3,
    ),
    changes: fc.oneof<fc.Arbitrary<Command<"change-settings">["changes"]>[]>(
      fc.constant({}),
      fc.constantFrom({ autoTransfer: true }, { autoTransfer: false }, { autoBuy: true }),
      fc.record({
        autoBuyTokens: mostly(fc.constantFrom(20_000, 90_000), fc.constantFrom(0, Number.NaN), 9),
        autoBuyTriggerTokens: mostly(fc.constantFrom(0, 50_000, 400_000), fc.constant(-1), 9),
      }),
      fc.record({
        spendCapDayMicros: mostly(fc.constantFrom(null, 9_000n, 60_000n), fc.constant(-1n), 9),
        spendCapMonthMicros: fc.constantFrom(null, 40_000n, 300_000n),
      }),
      fc.record({
        priceCeilings: fc.dictionary(
          symbol,
          mostly<number | null>(fc.constantFrom(null, 9_990, 10_040, 10_200), fc.constant(0), 9),
          { maxKeys: 2 },
        ),
      }),
    ),
  }),
  command: (wish) => ({ type: "change-settings", ...wish }),
});
/** Each account as it was at first. */
export const setBack = kind({
  name: "set back",
  of: fc.nat(4),
  command: (at, model) => {
    const cast = (account: number) => (BUYERS.includes(account) ? "easy" : "advanced");
    const other = pick(
      model.accounts.filter(({ number, mode }) => mode !== cast(number)),
      at,
    );
    if (other === undefined) return null;
    const { number: account } = other;
    const changes = { spendCapDayMicros: null, spendCapMonthMicros: null };
    return { type: "change-settings", account, mode: cast(account), changes };
  },
});

/** Units of somebody's Lots into Consumption or back; sometimes of one that has none there. */
export const moveUnits = kind({
  name: "move units",
  of: fc.record({
    at: fc.nat(12),
    to: fc.constantFrom<("transfer-to-consumption" | "transfer-to-trading")[]>(
      "transfer-to-consumption",
      "transfer-to-trading",
    ),
    quantity: mostly(fc.integer({ min: 1, max: 9 }), quantity, 3),
    stranger: mostly<number | null>(fc.constant(null), anybody, 12),
  }),
  command: ({ at, to, quantity, stranger }, model) => {
    const isLeaving = to === "transfer-to-consumption";
    const lots = model.lots.filter((lot) => (lot.tradingMs !== null) === isLeaving);
    const lot = pick(
      lots.filter((each) => each.owner !== EXCHANGE),
      at,
    );
    if (lot === undefined) return null;
    return { type: to, account: stranger ?? lot.owner, symbol: lot.symbol, quantity };
  },
});

/** The operator halts delivery, or lets it go on again: rather what is halted than the other. */
export const haltOrResume = kind({
  name: "halt",
  of: fc.record({ symbol, resumes: mostly(fc.constant(true), fc.constant(false), 3) }),
  waits: longWait,
  command: (wish, model) => {
    const open = model.halts.find((halt) => halt.toMs === null);
    if (open !== undefined && wish.resumes) return { type: "resume-delivery", symbol: open.symbol };
    return { type: "halt-delivery", symbol: wish.symbol, reason: "test" };
  },
});

/** Money out, by references that are used again now and then. */
export const withdraw = kind({
  name: "withdraw",
  of: fc.record({
    account: mostly(anybody, fc.constant(NOBODY), 15),
    amountMicros: mostly(
      fc.constantFrom(500n, 500n, 20_000n, 400_000n),
      fc.constantFrom(0n, -5n, 10n ** 12n),
      6,
    ),
    from: fc.constantFrom<("available" | "bond")[]>("available", "bond"),
    reference: fc.nat(12).map((number) => `out ${number}`),
  }),
  command: (wish) => ({ type: "request-withdrawal", ...wish }),
});
/** The operator decides on one that is open; now and then on none. */
export const decideOn = kind({
  name: "decide on",
  of: fc.record({
    at: fc.nat(4),
    pays: fc.boolean(),
    none: mostly(fc.constant(false), fc.constant(true), 9),
  }),
  command: ({ at, pays, none }, model) => {
    const open = pick(model.withdrawals, at);
    if (open === undefined && !none) return null;
    const withdrawal = none ? model.counts.withdrawal + 1 : (open?.number ?? 1);
    if (pays) return { type: "complete-withdrawal", withdrawal };
    return { type: "reject-withdrawal", withdrawal, reason: "test" };
  },
});
