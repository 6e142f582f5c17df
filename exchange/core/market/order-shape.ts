/** What an order must be before the market is looked at: who, of what, how much, at which price. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Account, CoreState, InstrumentState } from "#exchange/core/state.ts";
import { accept, type Decision, policyOf } from "#exchange/core/turn.ts";
import { canRest, isStop } from "./order-terms.ts";
import { phaseProblem } from "./trading-phase.ts";

/** Limits per instrument, where the policy has them. */
function countProblem(
  state: CoreState,
  { openOrders }: Account,
  { instrument, stops }: InstrumentState,
  command: PlaceOrder,
): ReturnType<typeof reject> | null {
  const safety = policyOf(state).safety;
  if (safety === undefined) return null;
  const { openOrdersPerInstrumentMax: max, stopOrdersPerInstrumentMax } = safety;
  // Counted only where there are enough of them in all.
  if (openOrders.size >= max && openOrdersOn(state, openOrders, instrument.symbol) >= max) {
    return reject(
      "too-many-open-orders",
      `${max} orders on ${instrument.symbol} are open, as many as an account may have; cancel some`,
    );
  }
  if (isStop(command) && stops.size >= stopOrdersPerInstrumentMax) {
    return reject(
      "too-many-open-orders",
      `${stops.size} stop orders wait on ${instrument.symbol}, as many as it takes; use a limit order`,
    );
  }
  return null;
}

/** How many of these orders are of that instrument. */
export function openOrdersOn(
  state: CoreState,
  numbers: ReadonlySet<number>,
  symbol: string,
): number {
  let open = 0;
  for (const number of numbers) if (state.orders.get(number)?.symbol === symbol) open += 1;
  return open;
}

const NEW_ORDER = { isReplacement: false };

/** The instrument of a sound order, or the first thing that is wrong with it. */
export function checkShape(
  state: CoreState,
  command: PlaceOrder,
  { isReplacement } = NEW_ORDER,
): Decision<InstrumentState> {
  const account = state.accounts.get(command.account);
  if (account === undefined) {
    return reject("account-not-found", `account ${command.account} does not exist`);
  }
  const listed = state.instruments.get(command.symbol);
  if (listed === undefined) {
    return reject("instrument-not-found", `no instrument "${command.symbol}"`);
  }
  const restricted = restrictedProblem(account);
  if (restricted !== null) return restricted;
  const policy = policyOf(state);
  // Who replaces orders says itself how many there are afterwards.
  if (!isReplacement && account.openOrders.size >= policy.openOrdersPerAccountMax) {
    return reject(
      "too-many-open-orders",
      `${account.openOrders.size} orders are open, at most ${policy.openOrdersPerAccountMax}; cancel some`,
    );
  }
  const problem = phaseProblem(listed, command) ?? countProblem(state, account, listed, command);
  if (problem !== null && !isReplacement) return problem;
  const { orderIncrementsMax, priceTicksMax } = listed.instrument;
  const { quantity, priceTicks } = command;
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > orderIncrementsMax) {
    return reject(
      "invalid-quantity",
      `quantity of ${quantity} increments, expected 1 to ${orderIncrementsMax}`,
    );
  }
  if (command.orderType === "limit" || command.orderType === "stop_limit") {
    if (!isPrice(priceTicks, priceTicksMax)) {
      return reject(
        "invalid-price",
        `price of ${priceTicks} ticks, expected 1 to ${priceTicksMax}`,
      );
    }
  } else {
    if (priceTicks !== null) {
      return reject("invalid-order", `a ${command.orderType} order takes no price`);
    }
    if (command.postOnly) {
      return reject("invalid-order", `a ${command.orderType} order cannot be post_only`);
    }
  }
  if (isStop(command) && !isPrice(command.stopTicks, priceTicksMax)) {
    return reject(
      "invalid-price",
      `stop price of ${command.stopTicks} ticks, expected 1 to ${priceTicksMax}`,
    );
  }
  if (command.postOnly && !canRest(command)) {
    return reject(
      "invalid-order",
      `post_only needs time_in_force gtc, day or gtd, got ${command.timeInForce}`,
    );
  }
  return accept(listed);
}

/** Whole ticks that can be quoted. */
export function isPrice(ticks: number | null | undefined, max: number): boolean {
  return Number.isInteger(ticks) && (ticks as number) >= 1 && (ticks as number) <= max;
}

/** As published, no order command of an account in Auto Mode is taken; it has no open order. */
export function restrictedProblem(account: Account | undefined): ReturnType<typeof reject> | null {
  if (account?.mode !== "easy") return null;
  return reject(
    "auto-mode-trading-restricted",
    "the account is in Auto Mode, which buys by itself; switch to Advanced Mode to place orders",
  );
}
