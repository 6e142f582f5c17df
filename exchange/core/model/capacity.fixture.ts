/** The naive market's rule of capacity: no more is on offer than linked nodes can serve. */
import * as m from "./market.fixture.ts";
import { close } from "./trading.fixture.ts";

/** More promised than capacity carries: newest asks go first, then unsold Units; Lots never. */
export function cutToCapacity(model: m.Model, account: number, symbol: string): void {
  const supply = m.supplyOf(model, account, symbol);
  const excess =
    supply.unsold + m.owedBy(model, account, symbol) - m.issuanceLimit(model, account, symbol);
  if (excess <= 0) return;
  const free = () => supply.unsold - m.onOffer(model, account, symbol);
  for (const ask of m.asksOf(model, account, symbol).sort((a, b) => b.number - a.number)) {
    if (free() >= excess) break;
    model.tally.add("state: ask cut to capacity");
    close(model, ask);
  }
  const burned = Math.min(free(), excess);
  if (burned < excess) model.tally.add("state: Lots owed beyond capacity stand");
  supply.unsold -= burned;
  supply.inIssuance = Math.max(0, supply.inIssuance - burned);
}
