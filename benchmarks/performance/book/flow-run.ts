/** Runs an order flow through one of our books, as the benchmark measures it and the tests check it. */
import { matchBook } from "#exchange/core/market/match-book.ts";
import type { BookSide, OrderBook } from "#exchange/core/market/order-book-port.ts";
import { ADD, CANCEL, MARKET, RECORD_FIELDS } from "./flow-writer.ts";
import type { OrderFlow } from "./order-flow.ts";

/** What takes the trades: a `TradeChecksum`, or nothing much while the clock runs. */
export interface TradeSink {
  trade(maker: number, taker: number, priceTicks: number, quantity: number): void;
}

export interface FlowRun {
  /** Carries out the records from `from` up to but not including `to`. Throws on a cancel that missed. */
  run(from: number, to: number): void;
}

/** Prepares a run over `book`, which must be empty. Allocates all it needs before the first record. */
export function createFlowRun(flow: OrderFlow, book: OrderBook, sink: TradeSink): FlowRun {
  const { records } = flow;
  const handles = new Float64Array(flow.lastId + 1);
  let taker = 0;
  const onFill = (maker: number, priceTicks: number, quantity: number) => {
    sink.trade(maker, taker, priceTicks, quantity);
  };
  return {
    run(from, to) {
      for (let at = from * RECORD_FIELDS; at < to * RECORD_FIELDS; at += RECORD_FIELDS) {
        const operation = records[at] as number;
        const id = records[at + 1] as number;
        const side = records[at + 2] as BookSide;
        const priceTicks = records[at + 3] as number;
        const quantity = records[at + 4] as number;
        if (operation === CANCEL) {
          if (!book.remove(handles[id] as number)) {
            throw new Error(`order ${id} is to be cancelled and not in the book: the books differ`);
          }
          continue;
        }
        taker = id;
        const limitTicks = operation === MARKET ? null : priceTicks;
        const left = matchBook(book, side, limitTicks, quantity, onFill);
        if (operation === ADD && left > 0) handles[id] = book.add(side, priceTicks, left, id);
      }
    },
  };
}

/** Runs the whole flow, prefill included. */
export function runOrderFlow(flow: OrderFlow, book: OrderBook, sink: TradeSink): void {
  createFlowRun(flow, book, sink).run(0, flow.prefill + flow.events);
}
