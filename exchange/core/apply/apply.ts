/** Applying events: the only code that changes state. It never decides, so replay equals live. */
import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { accountAppliers } from "./account-events.ts";
import { clearingAppliers } from "./clearing-events.ts";
import { lotAppliers } from "./lot-events.ts";
import { marketAppliers } from "./market-events.ts";
import { orderTermsAppliers } from "./order-terms-events.ts";
import { slaAppliers } from "./sla-events.ts";
import { supplyAppliers } from "./supply-events.ts";
import { tradingAppliers } from "./trading-events.ts";
import { withdrawalAppliers } from "./withdrawal-events.ts";

/** What each type of event does, its postings aside. */
export type Appliers<T extends EventType> = {
  [K in T]: (state: CoreState, event: EventOf<K>) => void;
};

const APPLIERS: Appliers<EventType> = {
  ...accountAppliers,
  ...supplyAppliers,
  ...marketAppliers,
  ...orderTermsAppliers,
  ...tradingAppliers,
  ...clearingAppliers,
  ...lotAppliers,
  ...slaAppliers,
  ...withdrawalAppliers,
};

/** Applies the next event. Throws when it is not the next one or does not fit: the process must stop then. */
export function applyEvent(state: CoreState, event: CoreEvent): void {
  if (event.seq !== state.seq + 1) {
    throw new Error(`event ${event.seq} (${event.type}) after event ${state.seq}`);
  }
  const { postings } = event as { postings?: readonly Posting[] };
  if (postings !== undefined) state.ledger.apply(postings);
  (APPLIERS[event.type] as (state: CoreState, event: CoreEvent) => void)(state, event);
  state.seq = event.seq;
  state.nowMs = event.atMs;
}
