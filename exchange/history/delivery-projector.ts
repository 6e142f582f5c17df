/** Deliveries: who served or failed to, what was counted and paid, how each attempt was judged. */
import type { EventOf } from "#exchange/core/events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import type { Projector } from "./projector.ts";
import { type DeliveryRecord, encodeRecord } from "./records.ts";
import { TouchedRecords } from "./touched-records.ts";

export function createDeliveryProjector(db: SqliteDatabase): Projector {
  const deliveries = new TouchedRecords<DeliveryRecord>(db, "deliveries");
  const saveDelivery = db.prepare(
    "INSERT OR REPLACE INTO deliveries VALUES (@number, @account, @symbol, @requestId, @status, @openedAtMs, @body)",
  );

  function change(number: number, changed: Partial<DeliveryRecord>): void {
    Object.assign(deliveries.get(number), changed);
  }

  return {
    handlers: {
      "delivery-reserved": (event) => {
        const before = deliveries.find(event.delivery);
        deliveries.put(deliveryRecord(event, before));
      },
      "attempt-failed": ({ delivery, attempt, supplier, cause }) => {
        deliveries.get(delivery).failedAttempts.push({ attempt, supplier, cause });
      },
      "delivery-settled": (event) => {
        const { promptTokens, completionTokens, usedTokens, costMicros, parts, cause } = event;
        change(event.delivery, {
          status: "settled",
          promptTokens,
          completionTokens,
          usedTokens,
          costMicros,
          parts,
          firstTokenMs: event.firstTokenMs,
          durationMs: event.durationMs,
          reportedTokens: event.reportedTokens,
          outputSha256: event.outputSha256,
          finishReason: event.finishReason,
          cause,
          closedAtMs: event.atMs,
        });
      },
      "delivery-released": ({ delivery, verdict, cause, atMs }) => {
        change(delivery, { status: verdict, cause, parts: [], closedAtMs: atMs });
      },
      "delivery-judged": ({ delivery, attempts }) => {
        change(delivery, { judged: attempts });
      },
    },
    flush() {
      for (const delivery of deliveries.take()) {
        const { number, account, symbol, requestId, status, openedAtMs } = delivery;
        const body = encodeRecord(delivery);
        saveDelivery.run({ number, account, symbol, requestId, status, openedAtMs, body });
      }
    },
    forget: () => void deliveries.take(),
  };
}

function deliveryRecord(
  event: EventOf<"delivery-reserved">,
  before: DeliveryRecord | null,
): DeliveryRecord {
  return {
    number: event.delivery,
    requestId: event.requestId,
    account: event.account,
    symbol: event.symbol,
    keyId: event.keyId,
    status: "open",
    supplier: event.supplier,
    failedAttempts: before?.failedAttempts ?? [],
    promptTokens: event.promptTokens,
    completionTokens: 0,
    usedTokens: 0,
    costMicros: 0n,
    parts: event.parts.map((part) => ({ ...part, costMicros: 0n })),
    firstTokenMs: null,
    durationMs: null,
    reportedTokens: null,
    outputSha256: null,
    finishReason: null,
    cause: null,
    judged: [],
    openedAtMs: before?.openedAtMs ?? event.atMs,
    closedAtMs: null,
  };
}
