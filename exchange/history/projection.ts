/**
 * What each event adds to history. Orders and deliveries that a batch touches are read once, changed
 * in memory and written once, so that a large batch costs one row write per order, not per fill.
 */

import type { CoreEvent, EventOf, EventType } from "#exchange/core/events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import {
  type DeliveryRecord,
  decodeRecord,
  encodeRecord,
  type IssuanceRecord,
  type OrderRecord,
  statusWord,
  type TradeRecord,
} from "./records.ts";

type Projections = { [T in EventType]?: (event: EventOf<T>) => void };

export interface Projection {
  /** Takes one event in. */
  project(event: CoreEvent): void;
  /** Writes what was touched since the last call; belongs in the same transaction. */
  flush(): void;
  /** Drops what was touched and not written. */
  forget(): void;
}

export function createProjection(db: SqliteDatabase): Projection {
  const orders = touchedRecords<OrderRecord>(db, "orders");
  const deliveries = touchedRecords<DeliveryRecord>(db, "deliveries");
  const saveOrder = db.prepare(
    "INSERT OR REPLACE INTO orders VALUES (@number, @account, @symbol, @side, @word, @placedAtMs, @clientOrderId, @body)",
  );
  const saveDelivery = db.prepare(
    "INSERT OR REPLACE INTO deliveries VALUES (@number, @account, @symbol, @requestId, @status, @openedAtMs, @body)",
  );
  const saveTrade = db.prepare("INSERT INTO trades VALUES (?, ?, ?, ?)");
  const saveFill = db.prepare("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)");
  const saveIssuance = db.prepare("INSERT INTO issuances VALUES (?, ?, ?, ?, ?)");

  function closeDelivery(number: number, change: Partial<DeliveryRecord>): void {
    Object.assign(deliveries.get(number), change);
  }

  const projections: Projections = {
    "order-accepted": ({ order }) => {
      orders.put({
        ...order,
        filled: 0,
        valueMicros: 0n,
        feeMicros: 0n,
        status: "open",
        closureReason: null,
        closedAtMs: null,
      });
    },
    "order-terms-set": ({ order: number, terms }) => {
      const order = orders.get(number);
      order.terms = terms;
      if (terms.stopTicks !== null) order.status = "waiting";
    },
    "order-amended": ({ order: number, quantity, priceTicks, timeInForce, terms }) => {
      const order = orders.get(number);
      Object.assign(order, { quantity, priceTicks, timeInForce });
      if (terms === null) delete order.terms;
      else order.terms = terms;
    },
    "stops-triggered": (event) => {
      for (const number of event.orders) orders.get(number).status = "open";
    },
    "orders-suspended": (event) => {
      for (const number of event.orders) orders.get(number).status = "suspended";
    },
    "orders-resumed": (event) => {
      for (const number of event.orders) orders.get(number).status = "open";
    },
    trade: (event) => {
      const trade = tradeRecord(event);
      saveTrade.run(trade.number, trade.symbol, trade.atMs, encodeRecord(trade));
      for (const side of ["buy", "sell"] as const) {
        const number = side === "buy" ? trade.buyOrder : trade.sellOrder;
        const order = orders.get(number);
        order.filled += trade.quantity;
        order.valueMicros += trade.valueMicros;
        order.feeMicros += side === "buy" ? trade.buyerFeeMicros : trade.sellerFeeMicros;
        const position = fillPosition(trade.number, side);
        const { symbol, atMs } = trade;
        saveFill.run(order.account, position, side, symbol, trade.number, number, atMs);
      }
    },
    "order-closed": ({ order: number, status, reason, atMs }) => {
      const order = orders.get(number);
      order.status = status;
      order.closureReason = reason;
      order.closedAtMs = atMs;
    },
    "delivery-reserved": (event) => {
      const before = deliveries.find(event.delivery);
      deliveries.put(deliveryRecord(event, before));
    },
    "attempt-failed": ({ delivery, attempt, supplier, cause }) => {
      deliveries.get(delivery).failedAttempts.push({ attempt, supplier, cause });
    },
    "delivery-settled": (event) => {
      const { promptTokens, completionTokens, usedTokens, costMicros, parts, cause } = event;
      closeDelivery(event.delivery, {
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
      closeDelivery(delivery, { status: verdict, cause, parts: [], closedAtMs: atMs });
    },
    "delivery-judged": ({ delivery, attempts }) => {
      closeDelivery(delivery, { judged: attempts });
    },
    "supply-issued": ({ issuance, account, symbol, tokens, toTrading, atMs }) => {
      const record: IssuanceRecord = { number: issuance, account, symbol, tokens, toTrading, atMs };
      saveIssuance.run(issuance, account, symbol, atMs, encodeRecord(record));
    },
  };

  return {
    project(event) {
      const projection = projections[event.type] as ((event: CoreEvent) => void) | undefined;
      projection?.(event);
    },
    flush() {
      for (const order of orders.take()) {
        saveOrder.run({
          ...order,
          terms: null,
          postOnly: null,
          word: statusWord(order),
          body: encodeRecord(order),
        });
      }
      for (const delivery of deliveries.take()) {
        const { number, account, symbol, requestId, status, openedAtMs } = delivery;
        const body = encodeRecord(delivery);
        saveDelivery.run({ number, account, symbol, requestId, status, openedAtMs, body });
      }
    },
    forget() {
      orders.take();
      deliveries.take();
    },
  };
}

/** Records of a table by number: from the batch where it touched them, else from the row. */
function touchedRecords<T extends { number: number }>(db: SqliteDatabase, table: string) {
  const select = db.prepare(`SELECT body FROM ${table} WHERE number = ?`).pluck();
  const touched = new Map<number, T>();
  function find(number: number): T | null {
    const known = touched.get(number);
    if (known !== undefined) return known;
    const body = select.get(number) as string | undefined;
    if (body === undefined) return null;
    const record = decodeRecord<T>(body);
    touched.set(number, record);
    return record;
  }
  return {
    find,
    get(number: number): T {
      const record = find(number);
      if (record === null) throw new Error(`history has no ${table} row ${number}`);
      return record;
    },
    put: (record: T) => void touched.set(record.number, record),
    take(): T[] {
      const all = [...touched.values()];
      touched.clear();
      return all;
    },
  };
}

/** Orders an account's fills; the two sides of a trade differ. */
function fillPosition(trade: number, side: "buy" | "sell"): number {
  return trade * 2 + (side === "buy" ? 0 : 1);
}

function tradeRecord(event: EventOf<"trade">): TradeRecord {
  const takerBuys = event.takerSide === "buy";
  return {
    number: event.trade,
    symbol: event.symbol,
    priceTicks: event.priceTicks,
    quantity: event.quantity,
    valueMicros: event.valueMicros,
    takerSide: event.takerSide,
    buyer: event.buyer,
    seller: event.seller,
    buyOrder: takerBuys ? event.takerOrder : event.makerOrder,
    sellOrder: takerBuys ? event.makerOrder : event.takerOrder,
    buyerFeeMicros: event.buyerFeeMicros,
    sellerFeeMicros: event.sellerFeeMicros,
    lot: event.lot,
    atMs: event.atMs,
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
