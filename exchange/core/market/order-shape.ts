/** What an order must be before the market is looked at: who, of what, how much, at which price. */
import type { PlaceOrder } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Account, CoreState, InstrumentState } from "#exchange/core/state.ts";
import { accept, type Decision, policyOf } from "#exchange/core/turn.ts";
import { isStop } from "./order-terms.ts";

/** The instrument of a sound order, or the first thing that is wrong with it. */
export function checkShape(state: CoreState, command: PlaceOrder): Decision<InstrumentState> {
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
  if (account.openOrders.size >= policy.openOrdersPerAccountMax) {
    return reject(
      "too-many-open-orders",
      `${account.openOrders.size} orders are open, at most ${policy.openOrdersPerAccountMax}; cancel some`,
    );
  }
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
  if (command.postOnly && command.timeInForce !== "gtc") {
    return reject("invalid-order", `post_only needs time_in_force gtc, got ${command.timeInForce}`);
  }
  return accept(listed);
}

function isPrice(ticks: number | null | undefined, max: number): boolean {
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
