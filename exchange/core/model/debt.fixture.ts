/** The naive market's rules of debts: what a supplier owes is taken from its bond, wherever that is. */
import * as m from "./market.fixture.ts";
import { close } from "./trading.fixture.ts";

type Model = m.Model;

/** Its asks end, then free bond pays, then bond behind its Lots, oldest first. */
export function settleDebt(model: Model, supplier: number): void {
  const account = m.accountOf(model, supplier);
  if (account.debt === 0n) return;
  for (const ask of m.asksServedBy(model, supplier)) {
    model.tally.add("state: ask withdrawn in default");
    close(model, ask);
  }
  const leaving = model.withdrawals.filter((w) => w.account === supplier && w.from === "bond");
  if (leaving.length > 0) model.tally.add("state: withdrawal of bond ended by a debt");
  model.withdrawals = model.withdrawals.filter((each) => !leaving.includes(each));
  pay(m.smaller(account.debt, m.larger(0n, m.freeBond(model, supplier))));
  for (const lot of model.lots.filter((each) => each.supplier === supplier)) {
    const amount = m.smaller(account.debt, lot.margin);
    if (amount === 0n) continue;
    model.tally.add("state: debt paid by bond behind a Lot");
    lot.margin -= amount;
    pay(amount);
  }

  function pay(amount: bigint): void {
    account.bond -= amount;
    account.debt -= amount;
    model.guaranty += amount;
    if (amount > 0n) model.tally.add("state: debt collected");
  }
}
