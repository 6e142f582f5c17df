/** Units that suppliers issued. */
import type { SqliteDatabase } from "#exchange/database.ts";
import type { Projector } from "./projector.ts";
import { encodeRecord, type IssuanceRecord } from "./records.ts";

export function createIssuanceProjector(db: SqliteDatabase): Projector {
  const save = db.prepare("INSERT INTO issuances VALUES (?, ?, ?, ?, ?)");
  return {
    handlers: {
      "supply-issued": ({ issuance, account, symbol, tokens, toTrading, atMs }) => {
        const record: IssuanceRecord = {
          ...{ number: issuance, account, symbol, tokens, toTrading, atMs },
        };
        save.run(issuance, account, symbol, atMs, encodeRecord(record));
      },
    },
    flush() {},
    forget() {},
  };
}
