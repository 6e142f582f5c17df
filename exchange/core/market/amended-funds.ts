/** What an amended order has to hold: the difference to what it holds, exactly, where that can be had. */
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Order } from "#exchange/core/state.ts";
import { sellableTokens } from "#exchange/core/supply/capacity.ts";
import { offerProblem } from "#exchange/core/supply/issuance.ts";
import { accept, type Decision, instrumentOf, policyOf, type Turn } from "#exchange/core/turn.ts";
import { tokensOf, valueMicros } from "#protocol/instrument.ts";
import { formatMicros, formatUnits, shareCeil } from "#protocol/money.ts";
import type { Amendment } from "./amending.ts";
import { feeOfFill, marginMicros } from "./fees.ts";
import { type MatchPlan, sellerFeeMicros } from "./matching.ts";
import type { OrderFunds } from "./order-funds.ts";

/** Of a bid its money, of an ask its Units, issued where they are missing, and its bond. */
export function amendedFunds(
  turn: Turn,
  order: Order,
  amendment: Amendment,
  plan: MatchPlan,
  issueMissing: boolean,
): OrderFunds {
  return order.side === "buy"
    ? bidFunds(turn, order, amendment)
    : askFunds(turn, order, amendment, plan, issueMissing);
}

function bidFunds({ state }: Turn, order: Order, amendment: Amendment): OrderFunds {
  const { instrument } = instrumentOf(state, order.symbol);
  const { ledger } = state;
  const left = amendment.quantity - order.filled;
  const value = valueMicros(instrument, amendment.priceTicks, left);
  const needed = value + feeOfFill(order, value, order.heldBps);
  const available = ledger.names.available(order.account);
  const free = ledger.free(available) + ledger.holdAmount(order.holdName);
  if (needed > free) {
    return reject(
      "insufficient-balance",
      `the amended order needs ${formatMicros(needed)} USD with its fee, ${formatMicros(free)} are available with what it holds`,
      { required: formatMicros(needed), available: formatMicros(free) },
    );
  }
  const postings: Posting[] = [];
  addChange(
    postings,
    turnedHold(order.holdName, available),
    ledger.holdAmount(order.holdName),
    needed,
  );
  return accept({ missingTokens: 0n, postings, lots: [] });
}

function askFunds(
  turn: Turn,
  order: Order,
  amendment: Amendment,
  plan: MatchPlan,
  issueMissing: boolean,
): OrderFunds {
  const { state } = turn;
  const { ledger } = state;
  const { account, symbol } = order;
  const { instrument } = instrumentOf(state, symbol);
  const left = amendment.quantity - order.filled;
  const tokens = BigInt(tokensOf(instrument, left));
  const heldTokens = ledger.holdAmount(order.holdName);
  const missing = missingTokens(turn, order, tokens - heldTokens, issueMissing);
  if (!missing.ok) return missing;
  const margin = shareCeil(valueMicros(instrument, amendment.priceTicks, left), order.heldBps);
  const heldMargin = ledger.holdAmount(order.marginName);
  const bond = ledger.names.bond(account);
  const freeBond = ledger.free(bond) + heldMargin;
  const needed = bondNeeded(turn, order, amendment, plan);
  if (needed > freeBond || margin > freeBond) {
    const required = formatMicros(needed > margin ? needed : margin);
    return reject(
      "insufficient-bond",
      `the amended ask needs ${required} USD of bond, ${formatMicros(freeBond)} are free with what it holds; deposit bond or offer less`,
      { required, available: formatMicros(freeBond) },
    );
  }
  const freeMoney = ledger.free(ledger.names.available(account));
  const fee = sellerFeeMicros(turn, order, plan);
  if (fee > freeMoney) {
    return reject(
      "insufficient-balance",
      `selling at once costs ${formatMicros(fee)} USD of fee, ${formatMicros(freeMoney)} are available`,
    );
  }
  const postings: Posting[] = [];
  const { issued } = ledger.names.supply(account, symbol);
  addChange(postings, turnedHold(order.holdName, issued), heldTokens, tokens);
  addChange(postings, turnedHold(order.marginName, bond), heldMargin, margin);
  return accept({ missingTokens: missing.result, postings, lots: [] });
}

/** Tokens to be issued first, of those that it holds more than before. */
function missingTokens(
  turn: Turn,
  { account, symbol }: Order,
  more: bigint,
  issueMissing: boolean,
): Decision<bigint> {
  if (more <= 0n) return accept(0n);
  const sellable = sellableTokens(turn.state, account, symbol);
  const missing = more > sellable ? more - (sellable > 0n ? sellable : 0n) : 0n;
  if (missing > 0n && !issueMissing) {
    return reject(
      "insufficient-units",
      `${formatUnits(sellable)} issued Units of ${symbol} are free, the amended order sells ${formatUnits(more)} more; issue and transfer more first`,
      { required: formatUnits(more), available: formatUnits(sellable) },
    );
  }
  return offerProblem(turn, account, symbol, missing) ?? accept(missing);
}

/** Bond of the Lots of what it sells at once, at the bids' prices, and of the rest at its own. */
function bondNeeded({ state }: Turn, order: Order, amendment: Amendment, plan: MatchPlan): bigint {
  const { instrument } = instrumentOf(state, order.symbol);
  const rest = amendment.quantity - order.filled - plan.quantity;
  let needed = shareCeil(valueMicros(instrument, amendment.priceTicks, rest), order.heldBps);
  for (const { priceTicks, quantity } of plan.fills) {
    needed += marginMicros(policyOf(state), valueMicros(instrument, priceTicks, quantity));
  }
  return needed;
}

const turnedHold = (hold: string, from: string) => ({ hold, from });

function addChange(
  postings: Posting[],
  { hold, from }: { hold: string; from: string },
  held: bigint,
  needed: bigint,
): void {
  if (needed > held) postings.push({ kind: "hold", hold, from, amount: needed - held });
  if (needed < held) postings.push({ kind: "void", hold, amount: held - needed });
}
