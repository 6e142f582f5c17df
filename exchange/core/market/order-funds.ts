/** What has to be free before an order is accepted, and what is then held for it. */
import type { OfferedLot } from "#exchange/core/clearing/lot-events.ts";
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { askHold, askMargin, bidHold } from "#exchange/core/ledger/account-names.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { InstrumentState } from "#exchange/core/state.ts";
import { sellableTokens } from "#exchange/core/supply/capacity.ts";
import { offerProblem } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, policyOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { bidHoldMicros, sellerMargin } from "./fees.ts";
import { type MatchPlan, sellerFeeMicros } from "./matching.ts";
import { holdsWhole } from "./order-terms.ts";
import { lotsToOffer } from "./resale.ts";

/** What the next order will hold, and tokens that have to be issued for it first. */
export type OrderFunds = Decision<{
  postings: Posting[];
  missingTokens: bigint;
  lots: OfferedLot[];
}>;

const NO_LOTS: OfferedLot[] = [];

/** The money that a bid holds. */
export function buyFunds(
  turn: Turn,
  command: PlaceOrder,
  listed: InstrumentState,
  limitTicks: number,
  plan: MatchPlan,
): OrderFunds {
  const order = turn.state.counters.order + 1;
  // What can rest needs its whole limit value; what ends at once needs only what it will take.
  const value = holdsWhole(command)
    ? valueMicros(listed.instrument, limitTicks, command.quantity)
    : plan.valueMicros;
  const amount = bidHoldMicros(policyOf(turn.state), value);
  const { ledger } = turn.state;
  const available = ledger.names.available(command.account);
  const free = ledger.free(available);
  if (amount > free) {
    return reject(
      "insufficient-balance",
      `the order needs ${formatMicros(amount)} USD with its fee, ${formatMicros(free)} are available`,
      { required: formatMicros(amount), available: formatMicros(free) },
    );
  }
  return accept({
    missingTokens: 0n,
    lots: NO_LOTS,
    postings:
      amount === 0n ? [] : [{ kind: "hold", hold: bidHold(order), from: available, amount }],
  });
}

/** The Units and the bond that an ask holds, and the Units it lacks; or the bought Lots that it sells. */
export function sellFunds(
  turn: Turn,
  command: PlaceOrder,
  listed: InstrumentState,
  limitTicks: number,
  plan: MatchPlan,
): OrderFunds {
  const resale = lotsToOffer(turn, command, listed);
  if (resale !== null) {
    if (!resale.ok) return resale;
    return accept({ postings: [], missingTokens: 0n, lots: resale.result });
  }
  const order = turn.state.counters.order + 1;
  const { account, symbol } = command;
  const { ledger } = turn.state;
  const bond = ledger.names.bond(account);
  const tokens = BigInt(tokensOf(listed.instrument, command.quantity));
  const sellable = sellableTokens(turn.state, account, symbol);
  const missing = tokens > sellable ? tokens - (sellable > 0n ? sellable : 0n) : 0n;
  if (missing > 0n && !command.issueMissing) {
    return reject(
      "insufficient-units",
      `the trading account has ${formatUnits(sellable)} issued Units of ${symbol} free, the order sells ${formatUnits(tokens)}; issue and transfer more first`,
      { required: formatUnits(tokens), available: formatUnits(sellable) },
    );
  }
  const problem = offerProblem(turn, account, symbol, missing);
  if (problem !== null) return problem;
  const margin = sellerMargin(policyOf(turn.state), listed.instrument, command, limitTicks, plan);
  const freeBond = ledger.free(bond);
  if (margin.needed > freeBond) {
    return reject(
      "insufficient-bond",
      `the ask needs ${formatMicros(margin.needed)} USD of bond, ${formatMicros(freeBond)} are free; deposit bond or offer less`,
      { required: formatMicros(margin.needed), available: formatMicros(freeBond) },
    );
  }
  const fee = sellerFeeMicros(turn, { feeBasisMicros: 0n, feeMicros: 0n }, plan);
  if (fee > ledger.free(ledger.names.available(account))) {
    return reject(
      "insufficient-balance",
      `selling at once costs ${formatMicros(fee)} USD of fee, ${formatMicros(ledger.free(ledger.names.available(account)))} are available`,
    );
  }
  const { issued } = ledger.names.supply(account, symbol);
  const units: Posting = { kind: "hold", hold: askHold(order), from: issued, amount: tokens };
  if (margin.held === 0n)
    return accept({ missingTokens: missing, lots: NO_LOTS, postings: [units] });
  const amount = margin.held;
  const bonded: Posting = { kind: "hold", hold: askMargin(order), from: bond, amount };
  return accept({ missingTokens: missing, lots: NO_LOTS, postings: [units, bonded] });
}
