/**
 * Runs an order flow through `nodejs-order-book`, the order book on npm that is used most. Its answers
 * are turned into the same trades as ours, so that the two can be shown to agree on what is measured.
 */
import { type LimitOrderOptions, OrderBook, Side } from "nodejs-order-book";
import type { FlowRun, TradeSink } from "./flow-run.ts";
import { ADD, CANCEL, MARKET, RECORD_FIELDS } from "./flow-writer.ts";
import type { OrderFlow } from "./order-flow.ts";

type TimeInForce = NonNullable<LimitOrderOptions["timeInForce"]>;
/** The package does not export the enum that these come from. */
const GTC = "GTC" as TimeInForce;
const IOC = "IOC" as TimeInForce;

/**
 * Prepares a run over a new book of the peer. It names orders by strings; they are made beforehand.
 * Without a sink its answers are not read: while the clock runs it does no more than it must.
 */
export function createPeerRun(flow: OrderFlow, sink: TradeSink | null): FlowRun {
  const { records } = flow;
  const book = new OrderBook();
  const names = Array.from({ length: flow.lastId + 1 }, (_, id) => String(id));
  return {
    run(from, to) {
      for (let at = from * RECORD_FIELDS; at < to * RECORD_FIELDS; at += RECORD_FIELDS) {
        const operation = records[at] as number;
        const taker = records[at + 1] as number;
        const id = names[taker] as string;
        const side = records[at + 2] === 0 ? Side.BUY : Side.SELL;
        const price = records[at + 3] as number;
        const size = records[at + 4] as number;
        if (operation === CANCEL) {
          if (book.cancel(id) === undefined)
            throw new Error(`the peer has no order ${id} to cancel`);
          continue;
        }
        const timeInForce = operation === ADD ? GTC : IOC;
        const answer =
          operation === MARKET
            ? book.market({ side, size })
            : book.limit({ side, id, size, price, timeInForce });
        if (answer.err !== null) throw new Error(`the peer refused order ${id}: ${answer.err}`);
        if (sink === null) continue;
        // Makers and taker come in one list; a maker filled in part comes beside it.
        for (const done of answer.done) {
          if (done.id !== id && "price" in done) sink.trade(+done.id, taker, done.price, done.size);
        }
        const { partial, partialQuantityProcessed } = answer;
        if (partial !== null && partial.id !== id) {
          sink.trade(+partial.id, taker, partial.price, partialQuantityProcessed);
        }
      }
    },
  };
}
