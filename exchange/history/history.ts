/**
 * The read model of what is over: orders and trades in `history.db`, built from durable events with
 * the sequence it stands at in the same transaction, so that each event counts exactly once.
 */
import Database from "better-sqlite3";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Order } from "#exchange/core/state.ts";

export interface TradeRow {
  number: number;
  atMs: number;
  event: Extract<CoreEvent, { type: "trade" }>;
}

export interface OrderFilter {
  symbol?: string | undefined;
  side?: string | undefined;
  /** Orders with a smaller number: the page after. */
  before?: number | undefined;
  limit: number;
}

export interface History {
  /** The last event it has seen. */
  readonly lastSeq: number;
  /** Takes durable events in order; those it has seen are passed over. */
  apply(events: readonly CoreEvent[]): void;
  order(number: number): Order | null;
  /** Newest first. */
  orders(account: number, filter: OrderFilter): Order[];
  trades(account: number, limit: number): TradeRow[];
  marketTrades(symbol: string, limit: number): TradeRow[];
  close(): void;
}

const write = (value: object): string =>
  JSON.stringify(value, (_key, field) => (typeof field === "bigint" ? field.toString() : field));
const read = <T>(text: string): T =>
  JSON.parse(text, (key, field) =>
    (key === "amount" || key.endsWith("Micros")) && typeof field === "string"
      ? BigInt(field)
      : field,
  );

/** Opens `history.db`, or ":memory:". */
export function openHistory(file: string): History {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
  db.exec(`
    CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER) STRICT;
    INSERT OR IGNORE INTO progress VALUES (1, 0);
    CREATE TABLE IF NOT EXISTS orders (
      number INTEGER PRIMARY KEY, account INTEGER, symbol TEXT, side TEXT, body TEXT) STRICT;
    CREATE INDEX IF NOT EXISTS orders_of_account ON orders (account, number);
    CREATE TABLE IF NOT EXISTS trades (
      number INTEGER PRIMARY KEY, at_ms INTEGER, symbol TEXT, buyer INTEGER, seller INTEGER,
      body TEXT) STRICT;
    CREATE INDEX IF NOT EXISTS trades_of_market ON trades (symbol, number);
    CREATE INDEX IF NOT EXISTS trades_of_buyer ON trades (buyer, number);
    CREATE INDEX IF NOT EXISTS trades_of_seller ON trades (seller, number);
  `);
  const readSeq = db.prepare("SELECT seq FROM progress").pluck();
  const saveSeq = db.prepare("UPDATE progress SET seq = ?");
  const readOrder = db.prepare("SELECT body FROM orders WHERE number = ?").pluck();
  const saveOrder = db.prepare("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?)");
  const saveTrade = db.prepare("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?, ?)");
  const ordersOf = db
    .prepare(
      `SELECT body FROM orders WHERE account = ? AND number < ? AND (? IS NULL OR symbol = ?)
       AND (? IS NULL OR side = ?) ORDER BY number DESC LIMIT ?`,
    )
    .pluck();
  const tradesOf = db.prepare(
    "SELECT number, at_ms AS atMs, body FROM trades WHERE buyer = ? OR seller = ? ORDER BY number DESC LIMIT ?",
  );
  const tradesIn = db.prepare(
    "SELECT number, at_ms AS atMs, body FROM trades WHERE symbol = ? ORDER BY number DESC LIMIT ?",
  );
  let lastSeq = readSeq.get() as number;

  const order = (number: number): Order | null => {
    const body = readOrder.get(number) as string | undefined;
    return body === undefined ? null : read<Order>(body);
  };
  const change = (number: number, edit: (order: Order) => void) => {
    const found = order(number);
    if (found === null) return;
    edit(found);
    save(found);
  };
  const save = (row: Order) =>
    saveOrder.run(row.number, row.account, row.symbol, row.side, write(row));

  function take(event: CoreEvent): void {
    if (event.type === "order-accepted") {
      save({
        ...event.order,
        filled: 0,
        valueMicros: 0n,
        feeMicros: 0n,
        feeBasisMicros: 0n,
        status: "open",
        closureReason: null,
        closedAtMs: null,
        handle: 0,
      });
    } else if (event.type === "trade") {
      const { trade, atMs, symbol, buyer, seller } = event;
      saveTrade.run(trade, atMs, symbol, buyer, seller, write(event));
      for (const number of [event.makerOrder, event.takerOrder]) {
        change(number, (row) => {
          row.filled += event.quantity;
          row.valueMicros += event.valueMicros;
          row.feeMicros += row.side === "buy" ? event.buyerFeeMicros : event.sellerFeeMicros;
        });
      }
    } else if (event.type === "order-closed") {
      change(event.order, (row) => {
        row.status = event.status;
        row.closureReason = event.reason;
        row.closedAtMs = event.atMs;
      });
    } else if (event.type === "orders-suspended" || event.type === "orders-resumed") {
      const status = event.type === "orders-suspended" ? "suspended" : "open";
      for (const number of event.orders) {
        change(number, (row) => {
          row.status = status;
        });
      }
    }
  }

  const applyAll = db.transaction((events: readonly CoreEvent[]) => {
    for (const event of events) if (event.seq > lastSeq) take(event);
    saveSeq.run(Math.max(lastSeq, events.at(-1)?.seq ?? 0));
  });
  const tradeRows = (rows: unknown[]): TradeRow[] =>
    (rows as { number: number; atMs: number; body: string }[]).map(({ number, atMs, body }) => ({
      number,
      atMs,
      event: read(body),
    }));

  return {
    get lastSeq() {
      return lastSeq;
    },
    apply(events) {
      applyAll(events);
      lastSeq = Math.max(lastSeq, events.at(-1)?.seq ?? 0);
    },
    order,
    orders: (account, { symbol, side, before, limit }) =>
      (
        ordersOf.all(
          account,
          before ?? Number.MAX_SAFE_INTEGER,
          symbol ?? null,
          symbol ?? null,
          side ?? null,
          side ?? null,
          limit,
        ) as string[]
      ).map((body) => read<Order>(body)),
    trades: (account, limit) => tradeRows(tradesOf.all(account, account, limit)),
    marketTrades: (symbol, limit) => tradeRows(tradesIn.all(symbol, limit)),
    close: () => db.close(),
  };
}
