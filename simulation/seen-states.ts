/** Which of the states that a run must meet a command has shown. */
import type { CommandType } from "#exchange/core/commands.ts";
import type { Executed } from "#exchange/core/core-port.ts";
import type { ChargeReason, CoreEvent, EventType } from "#exchange/core/events.ts";
import type { RejectionCode } from "#exchange/core/rejections.ts";
import type { ClosureReason, CoreState } from "#exchange/core/state.ts";
import type { SeenState, Tally } from "./tally.ts";

const BY_REJECTION: Partial<Record<RejectionCode, SeenState>> = {
  "insufficient-bond": "bond exhausted",
  "insufficient-balance": "balance exhausted",
  "payment-required": "balance exhausted",
  "capacity-exceeded": "capacity exhausted",
  "no-supplier": "no supplier left",
  "order-not-found": "cancel came after the fill",
  "poison-request": "request fails on every supplier",
};

export function noteStates<T extends CommandType>(
  tally: Tally,
  state: CoreState,
  executed: Executed<T>,
): void {
  if (!executed.ok) {
    const seen = BY_REJECTION[executed.rejection.code];
    if (seen !== undefined) tally.saw(seen);
    if (executed.rejection.message.startsWith("post_only")) tally.saw("post-only refused");
  }
  const types = executed.events.map(({ type }) => type);
  const ended = types.findIndex((type) => /^delivery-(settled|released)$/.test(type));
  if (ended !== -1 && types.indexOf("lot-expired", ended) !== -1) {
    tally.saw("Lot outlived its expiry under a delivery");
  }
  for (const event of executed.events) {
    for (const seen of statesIn(state, event)) if (seen !== undefined) tally.saw(seen);
  }
}

/** Events that show a state by being there. */
const BY_EVENT: Partial<Record<EventType, SeenState>> = {
  "orders-suspended": "asks suspended",
  "orders-resumed": "asks resumed",
  "supply-burned": "Units burned",
  "lot-consumed": "Lot consumed",
  "lot-expired": "Lot expired",
  "client-ids-forgotten": "client id forgotten",
  "references-forgotten": "deposit reference forgotten",
  "join-tokens-forgotten": "join token forgotten",
  "lot-closed-out": "Lot closed out",
  "holdback-released": "pay kept back and released",
  "breaker-opened": "breaker opened",
  "supplier-suspended": "supplier suspended",
};
const BY_CLOSURE: Partial<Record<ClosureReason, SeenState>> = {
  self_trade_prevented: "self-trade prevented",
  no_fill_no_liquidity: "fill-or-kill killed",
  no_fill_max_slippage: "market order stopped by its protection",
  partially_filled_max_slippage: "market order stopped by its protection",
  supplier_away: "asks cancelled after grace",
};
const BY_RELEASE: Record<string, SeenState> = {
  "reservation-timeout": "reservation ran out",
  "exchange-restarted": "deliveries excused by a restart",
};

const BY_SOURCE: Record<string, SeenState> = {
  auto: "purchase in Auto Mode",
  cover: "cover bought",
};
const BY_CHARGE: Record<ChargeReason, SeenState> = {
  cover: "charged for cover",
  "price-difference": "charged a price difference",
  abandonment: "charged for abandonment",
};

function statesIn(state: CoreState, event: CoreEvent): (SeenState | undefined)[] {
  switch (event.type) {
    case "trade": {
      const maker = state.orders.get(event.makerOrder);
      return [maker !== undefined && maker.filled > 0 ? "order filled in part" : undefined];
    }
    case "order-accepted":
      return [BY_SOURCE[event.order.source]];
    case "cover-settled":
      return [event.usedTokens > 0 ? "cover served" : "cover undone"];
    case "supplier-charged":
      return [BY_CHARGE[event.reason]];
    case "window-closed":
      return ["window closed", event.charge.chargeMicros > 0n ? "window charged" : undefined];
    case "order-closed":
      return [event.reason === null ? undefined : BY_CLOSURE[event.reason]];
    case "delivery-reserved":
      return [
        event.parts.length > 1 ? "delivery over several Lots" : undefined,
        event.attempt > 1 ? "delivery moved to another supplier" : undefined,
      ];
    case "delivery-released":
      return [BY_RELEASE[event.cause]];
    case "exchange-resumed":
      return [event.outageMs > 0 ? "outage tolled" : undefined];
    default:
      return [BY_EVENT[event.type]];
  }
}
