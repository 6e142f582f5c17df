/** Units that moved between an account's own places: issuance, trading and consumption. */
import type { TransferBy } from "#exchange/core/clearing/lot-events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import type { Projector } from "./projector.ts";
import { encodeRecord } from "./records.ts";

export interface TransferRecord {
  number: number;
  account: number;
  symbol: string;
  from: "issuance" | "trading" | "consumption";
  to: "trading" | "consumption";
  /** Who asked for it: its owner, a sweep, or the account's setting. */
  by: TransferBy;
  tokens: number;
  /** Of Lots; none when issued Units moved. */
  lots: number[];
  atMs: number;
}

export function createTransferProjector(db: SqliteDatabase): Projector {
  const insert = db.prepare("INSERT INTO transfers VALUES (?, ?, ?, ?, ?)");
  function save(record: TransferRecord): void {
    const { number, account, symbol, atMs } = record;
    insert.run(number, account, symbol, atMs, encodeRecord(record));
  }
  return {
    handlers: {
      "supply-transferred": ({ transfer: number, account, symbol, tokens, atMs }) =>
        save({
          ...{ number, account, symbol, from: "issuance", to: "trading", by: "request" },
          ...{ tokens, lots: [], atMs },
        }),
      "units-transferred": ({ transfer: number, account, symbol, to, by, tokens, lots, atMs }) => {
        const from = to === "trading" ? "consumption" : "trading";
        save({ number, account, symbol, from, to, by, tokens, lots, atMs });
      },
    },
    flush() {},
    forget() {},
  };
}
