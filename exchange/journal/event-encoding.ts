/**
 * Events as bytes: one JSON object per line, in the order the fields were emitted. Amounts are
 * decimal strings, read back by the name of their key (`…Micros`, and `amount` of a posting).
 * `event-encoding.golden.jsonl` holds a line of every type and version; lines are added, never changed.
 */
import type { CoreEvent, EventType } from "#exchange/core/events.ts";
import { JournalError } from "./journal.ts";
import { isAmount, LineWriter } from "./line-writer.ts";

/**
 * The version of each type that is written. A new meaning is a new version: raise it here, and turn
 * the old one into the new one in `decodeEvent`.
 */
export const EVENT_VERSIONS: Readonly<Record<EventType, number>> = {
  "instrument-listed": 1,
  "policy-adopted": 1,
  "account-opened": 2,
  "settings-changed": 1,
  "withdrawal-requested": 1,
  "withdrawal-completed": 1,
  "withdrawal-rejected": 1,
  "funds-deposited": 1,
  "exchange-funded": 1,
  "api-key-added": 1,
  "signing-key-added": 1,
  "key-revoked": 1,
  "join-token-created": 1,
  "node-enrolled": 1,
  "node-connected": 1,
  "node-disconnected": 1,
  "supplier-away": 1,
  "supplier-back": 1,
  "supplier-grace-ended": 1,
  "supply-issued": 1,
  "supply-transferred": 1,
  "supply-burned": 1,
  "order-accepted": 1,
  "order-terms-set": 1,
  "order-amended": 1,
  "stops-triggered": 1,
  "quote-group-set": 1,
  "quote-group-tripped": 1,
  "cancel-after-set": 1,
  "trading-phase-set": 1,
  "auction-uncrossing": 1,
  "order-rested": 1,
  "orders-suspended": 1,
  "orders-resumed": 1,
  trade: 2,
  "order-closed": 1,
  "delivery-reserved": 1,
  "attempt-failed": 2,
  "cover-settled": 1,
  "supplier-charged": 1,
  "debt-collected": 1,
  "lot-closed-out": 2,
  "delivery-settled": 1,
  "delivery-released": 1,
  "delivery-judged": 1,
  "breaker-opened": 2,
  "breaker-half-opened": 1,
  "breaker-closed": 1,
  "weight-changed": 1,
  "supplier-suspended": 1,
  "supplier-reinstated": 1,
  "tier-changed": 1,
  "window-closed": 1,
  "supplier-paid": 1,
  "holdback-released": 1,
  "integrity-recorded": 1,
  "lot-expired": 2,
  "lot-consumed": 1,
  "lot-split": 1,
  "delivery-halted": 1,
  "delivery-resumed": 1,
  "lots-offered": 1,
  "units-transferred": 1,
  "client-id-recorded": 1,
  "client-ids-forgotten": 1,
  "references-forgotten": 1,
  "join-tokens-forgotten": 1,
  "exchange-resumed": 1,
  "time-passed": 1,
};

/** Fields whose inner keys are not ours to read: an answer that is repeated as it was given. */
const VERBATIM = new Set(["result"]);

/** Encodes events as lines. Throws on a bigint in a field that would not bring it back. */
export function encodeEvents(events: readonly CoreEvent[]): Uint8Array {
  const writer = new LineWriter(events.length);
  for (const event of events) writer.line(event);
  return writer.bytes();
}

/** Decodes what `encodeEvents` wrote. Throws `JournalError` for what this version cannot read. */
export function decodeEvents(bytes: Uint8Array): CoreEvent[] {
  const events: CoreEvent[] = [];
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    if (line !== "") events.push(decodeEvent(line));
  }
  return events;
}

function withoutFundShare(event: Record<string, unknown>): void {
  event.toFundMicros = "0";
}

/** Of each type that changed: what turns version n into n + 1, from 1 on. */
const UPGRADES: { [T in EventType]?: ((event: Record<string, unknown>) => void)[] } = {
  // Before there was a sweep, whatever was bought entered Consumption at once.
  "account-opened": [
    (event) => {
      event.autoTransfer = true;
    },
  ],
  // Before Units could be sold on, each fill issued its own, and a holder had paid what is in escrow.
  trade: [
    (event) => {
      event.resold = [];
    },
  ],
  "lot-expired": [withoutFundShare],
  "lot-closed-out": [withoutFundShare],
  // Before there was cover, a failed attempt cost its supplier nothing.
  "attempt-failed": [
    (event) => {
      event.remedy = "lots";
      event.chargeMaxMicros = "0";
      event.guarantyMaxMicros = "0";
    },
  ],
  // A breaker gave the asks it took out a grace of its own; their cancellations are events themselves.
  "breaker-opened": [
    (event) => {
      delete event.graceEndsAtMs;
    },
  ],
};

function decodeEvent(line: string): CoreEvent {
  const event = JSON.parse(line) as CoreEvent;
  for (const upgrade of UPGRADES[event.type]?.slice(event.version - 1) ?? []) {
    upgrade(event as unknown as Record<string, unknown>);
    event.version += 1;
  }
  const { seq, type, version } = event;
  if (EVENT_VERSIONS[type] !== version) {
    throw new JournalError(
      `event ${seq} is "${type}" version ${version}, expected ${EVENT_VERSIONS[type] ?? "a type we know"}; start the version of gridspot that wrote it`,
    );
  }
  readAmounts(event as unknown as Record<string, unknown>);
  return event;
}

/** In place, and not as a reviver of `JSON.parse`, which takes six times as long. */
function readAmounts(fields: Record<string, unknown>): void {
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (typeof value === "string") {
      if (isAmount(key)) fields[key] = BigInt(value);
    } else if (value !== null && typeof value === "object" && !VERBATIM.has(key)) {
      readAmounts(value as Record<string, unknown>);
    }
  }
}
