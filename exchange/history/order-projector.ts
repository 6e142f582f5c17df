/** Orders with what became of them, trades, and each party's fills. */
import type { EventOf } from "#exchange/core/events.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import type { Projector } from "./projector.ts";
import { encodeRecord, type OrderRecord, statusWord, type TradeRecord } from "./records.ts";
import { TouchedRecords } from "./touched-records.ts";

export function createOrderProjector(
  db: SqliteDatabase,
): Projector & { orders: TouchedRecords<OrderRecord> } {
  const orders = new TouchedRecords<OrderRecord>(db, "orders");
  const saveOrder = db.prepare(
    "INSERT OR REPLACE INTO orders VALUES (@number, @account, @symbol, @side, @word, @placedAtMs, @clientOrderId, @body)",
  );
  const saveTrade = db.prepare("INSERT INTO trades VALUES (?, ?, ?, ?)");
  const saveFill = db.prepare("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)");

  return {
    orders,
    handlers: {
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
    },
    flush() {
      for (const order of orders.take()) {
        const { number, account, symbol, side, placedAtMs, clientOrderId } = order;
        const [word, body] = [statusWord(order), encodeRecord(order)];
        saveOrder.run({ number, account, symbol, side, word, placedAtMs, clientOrderId, body });
      }
    },
    forget: () => void orders.take(),
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
