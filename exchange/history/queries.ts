/** Questions that history answers. All figures are book integers; the edges give them their public form. */
import type { SqliteDatabase } from "#exchange/database.ts";
import { type CandleQueries, createCandleQueries } from "./candles.ts";
import { type Condition, createListing, type Page, type PageRequest } from "./listing.ts";
import type { LotRecord, LotStatus } from "./lot-records.ts";
import {
  type DeliveryRecord,
  decodeRecord,
  type FillRecord,
  type IssuanceRecord,
  type OrderRecord,
  type OrderStatusWord,
  type TradeRecord,
} from "./records.ts";
import { createStatementQuery, type Statement } from "./statement-days.ts";
import type { TransferRecord } from "./transfer-projector.ts";

/** Every field is optional; times are milliseconds since the epoch, both ends included. */
export interface RecordFilter {
  symbol?: string | null;
  fromMs?: number | null;
  toMs?: number | null;
}
export interface OrderFilter extends RecordFilter {
  side?: "buy" | "sell" | null;
  statuses?: readonly OrderStatusWord[] | null;
  clientOrderId?: string | null;
}
export interface FillFilter extends RecordFilter {
  side?: "buy" | "sell" | null;
  order?: number | null;
  trade?: number | null;
}

export interface LotFilter extends RecordFilter {
  status?: LotStatus | null;
}

export interface HistoryQueries extends CandleQueries {
  /** An order by its number, whoever's it is. */
  order(number: number): OrderRecord | null;
  orders(account: number, filter: OrderFilter, page: PageRequest): Page<OrderRecord>;
  openOrderCounts(account: number): { symbol: string; count: number }[];
  fills(account: number, filter: FillFilter, page: PageRequest): Page<FillRecord>;
  /** The newest trades of an instrument, newest first, without saying whose. */
  publicTrades(symbol: string, limit: number): TradeRecord[];
  deliveryByRequestId(account: number, requestId: string): DeliveryRecord | null;
  deliveries(account: number, filter: RecordFilter, page: PageRequest): Page<DeliveryRecord>;
  issuances(account: number, filter: RecordFilter, page: PageRequest): Page<IssuanceRecord>;
  transfers(account: number, filter: RecordFilter, page: PageRequest): Page<TransferRecord>;
  /** Lots that an account bought, open and ended. */
  lots(account: number, filter: LotFilter, page: PageRequest): Page<LotRecord>;
  /** A Lot by its number, whoever's it is. */
  lot(number: number): LotRecord | null;
  /** What came and went on the UTC days from that of `fromMs` to that of `toMs`, both included. */
  statement(account: number, fromMs: number, toMs: number): Statement;
}

interface BodyRow {
  position: number;
  body: string;
}

export function createQueries(db: SqliteDatabase): HistoryQueries {
  const listing = (table: string) =>
    createListing<BodyRow>(db, `SELECT number AS position, body FROM ${table}`, "number");
  const listOrders = listing("orders");
  const listDeliveries = listing("deliveries");
  const listIssuances = listing("issuances");
  const listTransfers = listing("transfers");
  const listLots = listing("lots");
  const lot = db.prepare("SELECT body FROM lots WHERE number = ?").pluck();
  const listFills = createListing<BodyRow & { side: "buy" | "sell" }>(
    db,
    "SELECT f.number AS position, f.side, t.body FROM fills f JOIN trades t ON t.number = f.trade",
    "f.number",
  );
  const order = db.prepare("SELECT body FROM orders WHERE number = ?").pluck();
  const counts = db.prepare(
    "SELECT symbol, COUNT(*) AS count FROM orders WHERE account = ? AND status IN ('open', 'pending', 'partially_filled') GROUP BY symbol ORDER BY symbol",
  );
  const newestTrades = db
    .prepare("SELECT body FROM trades WHERE symbol = ? ORDER BY number DESC LIMIT ?")
    .pluck();
  const byRequest = db
    .prepare("SELECT body FROM deliveries WHERE request_id = ? AND account = ? LIMIT 1")
    .pluck();
  return {
    ...createCandleQueries(db),
    order: (number) => decodedOrNull<OrderRecord>(order.get(number)),
    orders: (account, filter, page) =>
      decodedPage(
        listOrders(
          [
            ["account = ?", account],
            ...span("", filter),
            ["side = ?", filter.side ?? null],
            ["client_order_id = ?", filter.clientOrderId ?? null],
            [
              "status IN (SELECT value FROM json_each(?))",
              filter.statuses ? JSON.stringify(filter.statuses) : null,
            ],
          ],
          page,
        ),
      ),
    openOrderCounts: (account) => counts.all(account) as { symbol: string; count: number }[],
    fills(account, filter, page) {
      const listed = listFills(
        [
          ["f.account = ?", account],
          ...span("f.", filter),
          ["f.side = ?", filter.side ?? null],
          ["f.order_number = ?", filter.order ?? null],
          ["f.trade = ?", filter.trade ?? null],
        ],
        page,
      );
      const items = listed.items.map(({ position, side, body }) => {
        return { position, side, trade: decodeRecord<TradeRecord>(body) };
      });
      return { ...listed, items };
    },
    publicTrades: (symbol, limit) =>
      newestTrades.all(symbol, limit).map((body) => decodeRecord<TradeRecord>(body as string)),
    deliveryByRequestId: (account, requestId) =>
      decodedOrNull<DeliveryRecord>(byRequest.get(requestId, account)),
    deliveries: (account, filter, page) =>
      decodedPage(listDeliveries([["account = ?", account], ...span("", filter)], page)),
    issuances: (account, filter, page) =>
      decodedPage(listIssuances([["account = ?", account], ...span("", filter)], page)),
    transfers: (account, filter, page) =>
      decodedPage(listTransfers([["account = ?", account], ...span("", filter)], page)),
    lots: (account, filter, page) =>
      decodedPage(
        listLots(
          [["owner = ?", account], ...span("", filter), ["status = ?", filter.status ?? null]],
          page,
        ),
      ),
    lot: (number) => decodedOrNull<LotRecord>(lot.get(number)),
    statement: createStatementQuery(db),
  };
}

function span(prefix: string, { symbol, fromMs, toMs }: RecordFilter): Condition[] {
  return [
    [`${prefix}symbol = ?`, symbol ?? null],
    [`${prefix}at_ms >= ?`, fromMs ?? null],
    [`${prefix}at_ms <= ?`, toMs ?? null],
  ];
}

function decodedOrNull<T>(body: unknown): T | null {
  return body === undefined ? null : decodeRecord<T>(body as string);
}

function decodedPage<T>(page: Page<BodyRow>): Page<T> {
  return { ...page, items: page.items.map(({ body }) => decodeRecord<T>(body)) };
}
