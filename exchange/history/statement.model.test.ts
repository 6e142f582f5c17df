/** Statements and Lots of history against the core's ledger, over the flows of the market's model. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { policy, quietSla } from "#exchange/core/core.fixture.ts";
import { both, setUp } from "#exchange/core/model/pair.fixture.ts";
import { createTally, runParameters, TEST_MS_MAX } from "#exchange/core/model/run-tally.fixture.ts";
import { timeAfter } from "#exchange/core/model/wish.fixture.ts";
import { WISHES } from "#exchange/core/model/wishes.fixture.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { type History, openHistory } from "./history.ts";
import { type NumberedThings, placeOfAccount, placeOfHold } from "./ledger-places.ts";

const RUNS = 60;
const COMMANDS_MAX = 120;
/** Of one transaction; small, so that what a portion leaves behind is read back from the rows. */
const PORTION = 17;
const parameters = runParameters(process.env, RUNS);

/** What the ledger has, by account, asset and place; zeros left out. */
function balancesOf(state: CoreState): Map<string, bigint> {
  const lot = (number: number) => {
    const found = state.lots.get(number);
    if (found === undefined) throw new Error(`lot ${number} is not open`);
    return found;
  };
  const things = { lot, order: () => ({ account: -1, symbol: "" }) };
  const sums = new Map<string, bigint>();
  for (const { name, credits, debits } of state.ledger.accounts()) {
    const { account, asset, place } = placeOfAccount(name, things);
    const key = `${account} ${asset} ${place}`;
    sums.set(key, (sums.get(key) ?? 0n) + credits - debits);
  }
  return withoutZeros(sums);
}

function statedBalances(history: History, accounts: readonly number[], untilMs: number) {
  const sums = new Map<string, bigint>();
  for (const account of accounts) {
    const { balances, lines } = history.statement(account, 0, untilMs);
    for (const { asset, place, opening, closing } of balances) {
      const own = lines.filter((line) => line.asset === asset && line.place === place);
      const moved = own.reduce((sum, { cameIn, wentOut }) => sum + cameIn - wentOut, 0n);
      expect(closing - opening).toBe(moved);
      sums.set(`${account} ${asset} ${place}`, closing);
    }
  }
  return withoutZeros(sums);
}

function withoutZeros(sums: Map<string, bigint>): Map<string, bigint> {
  return new Map([...sums].filter(([, sum]) => sum !== 0n).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads what a name says by number alone; in a whole history it is there. */
function thingsOf(history: History): NumberedThings {
  const there = <T>(record: T | null): T => {
    if (record === null) throw new Error("history lacks what the ledger names");
    return record;
  };
  return {
    lot: (number) => there(history.lot(number)),
    order: (number) => there(history.order(number)),
  };
}

test(
  `a statement's closing figures are the ledger's, and its Lots the core's (SEED=${parameters.seed})`,
  () => {
    const wishes = fc.array(fc.oneof(...WISHES), { maxLength: COMMANDS_MAX, size: "max" });
    fc.assert(
      fc.property(wishes, (list) => {
        const { model, real } = setUp({ ...policy, sla: quietSla }, createTally({}));
        for (const wish of list) {
          const command = wish.command(model, real.core.state.nowMs);
          if (command !== null) both(model, real, command, timeAfter(model, wish.wait));
        }
        const { state } = real.core;
        const history = openHistory(":memory:");
        for (let at = 0; at < real.events.length; at += PORTION) {
          history.apply(real.events.slice(at, at + PORTION));
        }
        const accounts = [0, ...state.accounts.keys()];
        expect(statedBalances(history, accounts, state.nowMs)).toEqual(balancesOf(state));
        for (const lot of state.lots.values()) {
          const { usedTokens, paidMicros, expiresAtMs } = lot;
          expect(history.lot(lot.number)).toMatchObject({
            ...{ status: "open", usedTokens, paidMicros, expiresAtMs },
          });
        }
        for (const [name, hold] of state.ledger.holds()) {
          const things = thingsOf(history);
          expect(placeOfHold(name, things)).toEqual(placeOfAccount(hold.account.name, things));
        }
        history.close();
      }),
      parameters,
    );
  },
  TEST_MS_MAX,
);
