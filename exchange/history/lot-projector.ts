/** Lots: who bought what from whom, and what became of the tokens and the money in it. */
import { tolledMs } from "#exchange/core/clearing/halts.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import { boughtLot, type LotRecord, type LotStatus, soldOn, splitLot } from "./lot-records.ts";
import type { Projector } from "./projector.ts";
import { encodeRecord } from "./records.ts";
import { TouchedRecords } from "./touched-records.ts";

export function createLotProjector(
  db: SqliteDatabase,
): Projector & { lots: TouchedRecords<LotRecord> } {
  const lots = new TouchedRecords<LotRecord>(db, "lots");
  const openLots = db.prepare("SELECT number FROM lots WHERE status = 'open'").pluck();
  const saveLot = db.prepare(
    "INSERT OR REPLACE INTO lots VALUES (@number, @owner, @supplier, @symbol, @status, @boughtAtMs, @body)",
  );

  function use(number: number, tokens: number, paidMicros: bigint): LotRecord {
    const lot = lots.get(number);
    lot.usedTokens += tokens;
    lot.paidMicros += paidMicros;
    return lot;
  }

  function close(
    lot: LotRecord,
    status: LotStatus,
    { paidMicros = 0n, refundedMicros = 0n, atMs }: Partial<LotRecord> & { atMs: number },
  ): void {
    lot.status = status;
    lot.paidMicros += paidMicros;
    lot.refundedMicros += refundedMicros;
    lot.closedAtMs = atMs;
  }

  /** Every open Lot in Consumption runs so much longer: no delivery was possible. */
  function toll(tolledMs: number): void {
    flush();
    for (const number of openLots.all() as number[]) {
      const lot = lots.get(number);
      if (lot.expiresAtMs !== null) lot.expiresAtMs += tolledMs;
    }
  }

  function flush(): void {
    for (const lot of lots.take()) {
      const { number, owner, supplier, symbol, status, boughtAtMs } = lot;
      const body = encodeRecord(lot);
      saveLot.run({ number, owner, supplier, symbol, status, boughtAtMs, body });
    }
  }

  return {
    lots,
    handlers: {
      trade: (event) => {
        if (event.resold.length === 0) lots.put(boughtLot(event));
        for (const part of event.resold) {
          const sold = soldOn(lots.get(part.lot), part, event);
          if (sold !== null) lots.put(sold);
        }
      },
      "lot-split": (event) => lots.put(splitLot(lots.get(event.lot), event)),
      "units-transferred": ({ to, lots: moved, enteredAtMs, expiresAtMs }) => {
        for (const number of moved) {
          const lot = lots.get(number);
          lot.place = to;
          if (to === "trading" || lot.enteredAtMs !== null) continue;
          lot.enteredAtMs = enteredAtMs;
          lot.expiresAtMs = expiresAtMs;
        }
      },
      "delivery-settled": ({ parts }) => {
        for (const part of parts) use(part.lot, part.tokens, part.costMicros);
      },
      "cover-settled": ({ parts, atMs }) => {
        for (const part of parts) {
          const lot = use(part.lot, part.usedTokens, part.costMicros);
          close(lot, "cover", { refundedMicros: lot.valueMicros - lot.paidMicros, atMs });
        }
      },
      "lot-expired": ({ lot, toSupplierMicros, toOwnerMicros, atMs }) => {
        const money = { paidMicros: toSupplierMicros, refundedMicros: toOwnerMicros };
        close(lots.get(lot), "expired", { ...money, atMs });
      },
      "lot-closed-out": ({ lot, toOwnerMicros, atMs }) =>
        close(lots.get(lot), "closed-out", { refundedMicros: toOwnerMicros, atMs }),
      "lot-consumed": ({ lot, atMs }) => close(lots.get(lot), "consumed", { atMs }),
      "delivery-resumed": (event) => {
        flush();
        for (const number of openLots.all() as number[]) {
          const lot = lots.get(number);
          if (lot.symbol !== event.symbol || lot.expiresAtMs === null) continue;
          lot.expiresAtMs += tolledMs(lot, event);
        }
      },
      "exchange-resumed": ({ outageMs }) => {
        if (outageMs > 0) toll(outageMs);
      },
    },
    flush,
    forget: () => void lots.take(),
  };
}
