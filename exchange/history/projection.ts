/** All read models together: each event to each of them, then their rows in one go. */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import { createCandleProjector } from "./candles.ts";
import { createDeliveryProjector } from "./delivery-projector.ts";
import { createIssuanceProjector } from "./issuance-projector.ts";
import { createLotProjector } from "./lot-projector.ts";
import { createOrderProjector } from "./order-projector.ts";
import { handle } from "./projector.ts";
import { createStatementDays } from "./statement-days.ts";
import { createTransferProjector } from "./transfer-projector.ts";

export interface Projection {
  /** Takes one event in. */
  project(event: CoreEvent): void;
  /** Writes what was touched since the last call; belongs in the same transaction. */
  flush(): void;
  /** Drops what was touched and not written. */
  forget(): void;
}

export function createProjection(db: SqliteDatabase): Projection {
  const orders = createOrderProjector(db);
  const lots = createLotProjector(db);
  const projectors = [
    ...[orders, lots, createDeliveryProjector(db)],
    ...[createIssuanceProjector(db), createTransferProjector(db)],
    createCandleProjector(db),
  ];
  const statements = createStatementDays(db, {
    lot: (number) => lots.lots.get(number),
    order: (number) => orders.orders.get(number),
  });
  return {
    project(event) {
      for (const { handlers } of projectors) handle(handlers, event);
      // After them: what the event names by number is known by then.
      statements.project(event);
    },
    flush() {
      for (const projector of projectors) projector.flush();
      statements.flush();
    },
    forget() {
      for (const projector of projectors) projector.forget();
      statements.forget();
    },
  };
}
