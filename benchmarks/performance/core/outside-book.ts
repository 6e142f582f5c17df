/**
 * The trading mix through `nodejs-order-book`, as an outside yardstick: bare matching by price and
 * time. No accounts, balances, fees, bond, issuance, Lots, client ids, ledger or events.
 */
import { OrderBook, Side } from "nodejs-order-book";
import { type FlowFigures, measure } from "./flow-measure.ts";
import type { CommandFlow } from "./flow-recorder.ts";

const SIDES = { buy: Side.BUY, sell: Side.SELL };

/** Measures the first `commandsMax` measured commands of a flow of orders and cancels. */
export function measureOutsideBook(
  flow: Omit<CommandFlow, "end">,
  commandsMax: number,
): FlowFigures {
  const { commands, measuredFrom } = flow;
  const book = new OrderBook();
  let orders = 0;
  const run = (from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      const command = commands[n];
      if (command?.type === "cancel-order") book.cancel(String(command.order));
      else if (command?.type === "place-order") {
        orders += 1;
        const side = SIDES[command.side];
        const size = command.quantity;
        if (command.priceTicks === null) book.market({ side, size });
        else book.limit({ id: String(orders), side, size, price: command.priceTicks });
      }
    }
  };
  run(0, measuredFrom);
  globalThis.gc?.();
  const count = Math.min(commandsMax, commands.length - measuredFrom);
  return measure(count, () => {
    run(measuredFrom, measuredFrom + count);
    return { events: 0, bytes: 0 };
  });
}
