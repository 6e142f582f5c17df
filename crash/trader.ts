/** A trader under load: signed orders with ids of its own, cancels, and the same order sent twice. */

import { parsePublicId } from "#protocol/ids.ts";
import { parseDecimal } from "#protocol/money.ts";
import type { Identity } from "#protocol/signing.ts";
import type { Random } from "#simulation/random.ts";
import { type Answer, type Door, send, sendUntilAnswered } from "./http-client.ts";
import { signedRequest } from "./signed-request.ts";

/** Beyond this many open orders a trader cancels instead. */
const OPEN_ORDERS_MAX = 40;
/** Orders whose repetition is tried; older ones are forgotten here, not by the exchange. */
const REPEATABLE_MAX = 50;

export interface TraderOptions {
  account: number;
  symbol: string;
  /** Dollars per Unit at which somebody sells: bids from here on trade. */
  askPrice: number;
}

export interface Trader {
  readonly account: number;
  /** One request, answered in the end. */
  work(): Promise<void>;
  /** Notes what the exchange shows of this account now. */
  look(): Promise<void>;
}

interface SentOrder {
  clientOrderId: string;
  body: string;
  order: number;
}

export function createTrader(
  options: TraderOptions,
  { door, identity, random }: { door: Door; identity: Identity; random: Random },
): Trader {
  const { account, symbol } = options;
  const { notebook } = door;
  const open = new Map<number, string>();
  const placed: SentOrder[] = [];
  let ids = 0;

  const signed = (method: string, path: string, body?: string) =>
    signedRequest(identity, method, path, body);

  /** A resting bid far below the asks, one that trades, or a market order. */
  function newOrder(clientOrderId: string): string {
    const quantity = (random.between(1, 5) / 100).toFixed(2);
    const common = { market_id: symbol, side: "buy", quantity, client_order_id: clientOrderId };
    const choice = random.fraction();
    if (choice < 0.12) return JSON.stringify({ ...common, type: "market" });
    const crosses = choice < 0.35;
    const price = crosses ? options.askPrice : random.between(1, 40) / 100;
    const time_in_force = choice < 0.3 ? "ioc" : "gtc";
    return JSON.stringify({ ...common, type: "limit", price: price.toFixed(2), time_in_force });
  }

  async function place(clientOrderId: string, body: string, before?: SentOrder): Promise<void> {
    const path = "/v1/orders";
    const sent = await sendUntilAnswered(door, path, () => signed("POST", path, body));
    if (sent === null) return;
    const { answer, wasRepeated } = sent;
    if (answer.status !== 201) return refused(clientOrderId, answer, before);
    const data = answer.json.data as { order_id: string; status: string };
    const order = parsePublicId("order", data.order_id) ?? 0;
    notebook.write({ kind: "order", account, clientOrderId, order }, { wasRepeated });
    if (before !== undefined) return;
    placed.push({ clientOrderId, body, order });
    if (placed.length > REPEATABLE_MAX) placed.shift();
    if (data.status === "open" || data.status === "partially_filled")
      open.set(order, data.order_id);
  }

  function refused(clientOrderId: string, answer: Answer, before?: SentOrder): void {
    const code = answer.json.errors?.code ?? "";
    if (before !== undefined || !["INSUFFICIENT_BALANCE"].includes(code)) {
      notebook.fault(`order ${account}:${clientOrderId} got ${answer.status} ${answer.text}`);
    }
    notebook.write({ kind: "order refused", account, clientOrderId });
  }

  async function cancel(order: number, id: string): Promise<void> {
    open.delete(order);
    const path = `/v1/orders/${id}`;
    const sent = await sendUntilAnswered(door, path, () => signed("DELETE", path));
    if (sent === null) return;
    const { answer, wasRepeated } = sent;
    const code = answer.json.errors?.code ?? "";
    // Somebody sold to it meanwhile.
    if (code === "ORDER_NOT_CANCELLABLE") return;
    const wasDone = wasRepeated && code === "ORDER_ALREADY_CANCELLED";
    if (answer.status === 204 || wasDone)
      notebook.write({ kind: "cancel", order }, { wasRepeated });
    else notebook.fault(`the cancel of order ${order} got ${answer.status} ${answer.text}`);
  }

  return {
    account,
    async work() {
      const [oldest] = open;
      const choice = random.fraction();
      if (oldest !== undefined && (choice < 0.25 || open.size > OPEN_ORDERS_MAX)) {
        await cancel(...oldest);
      } else if (choice < 0.32 && placed.length > 0) {
        const old = placed[random.between(0, placed.length - 1)] as SentOrder;
        await place(old.clientOrderId, old.body, old);
      } else {
        ids += 1;
        const clientOrderId = `a${account}-${ids}`;
        await place(clientOrderId, newOrder(clientOrderId));
      }
    },
    async look() {
      const balances = "/v1/currency-trading-accounts";
      const shown = await send(door, balances, signed("GET", balances));
      if (shown !== "cut" && shown !== "unsent" && shown.status === 200) {
        const [row] = shown.json.data as { total_balance: string; locked_balance: string }[];
        notebook.see({
          seq: seqOf(shown),
          what: "balance",
          account,
          total: micros(row?.total_balance),
          held: micros(row?.locked_balance),
        });
      }
      const list = "/v1/orders?status=active&limit=100";
      const orders = await send(door, list, signed("GET", list));
      if (orders === "cut" || orders === "unsent" || orders.status !== 200) return;
      const rows = orders.json.data as { order_id: string }[];
      const numbers = rows.map((row) => parsePublicId("order", row.order_id) ?? 0);
      notebook.see({ seq: seqOf(orders), what: "open orders", account, orders: numbers });
    },
  };
}

const seqOf = ({ headers }: Answer) => Number(headers.get("x-gridspot-seq"));

function micros(decimal = ""): bigint {
  const parsed = parseDecimal(decimal, 6);
  return parsed.ok ? parsed.value : -1n;
}
