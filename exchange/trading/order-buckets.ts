/** Which bucket a request draws on: orders per account and market, as published; all else per account. */
import type { FastifyRequest } from "fastify";
import type { CoreState } from "#exchange/core/state.ts";
import { parsePublicId } from "#protocol/ids.ts";
import { findListed } from "./markets.ts";
import type { Purpose } from "./rate-limits.ts";

/** Stands for a market that is not listed, and for orders of several markets. */
const NO_MARKET = "-";

export function bucketOf(
  request: FastifyRequest,
  account: number,
  state: CoreState,
): { purpose: Purpose; key: string } {
  const purpose = purposeOf(request);
  if (purpose !== "orders") return { purpose, key: String(account) };
  return { purpose, key: orderBucketKey(account, marketOf(request, state)) };
}

/** The key of an account's bucket of orders in a market; null: of those that name none. */
export function orderBucketKey(account: number, symbol: string | null): string {
  return `${account}|${symbol ?? NO_MARKET}`;
}

/** Cancelling has a bucket of its own: who may not place must still be able to get out. */
function purposeOf({ method, url }: FastifyRequest): Purpose {
  if (/\/orders\/cancel-after(?=[/?]|$)/.test(url)) return "cancels";
  if (!/\/(orders|quotes)(?=[/?]|$)/.test(url)) return "account";
  if (method === "DELETE") return "cancels";
  return method === "POST" || method === "PUT" ? "orders" : "account";
}

function marketOf(request: FastifyRequest, state: CoreState): string | null {
  const { id } = (request.params ?? {}) as { id?: string };
  if (request.url.includes("/markets/")) return symbolOf(state, id);
  if (id !== undefined) {
    const order = parsePublicId("order", id);
    return (order === null ? undefined : state.orders.get(order)?.symbol) ?? null;
  }
  const { body } = request;
  if (typeof body !== "object" || body === null || !("market_id" in body)) return null;
  return symbolOf(state, body.market_id);
}

function symbolOf(state: CoreState, name: unknown): string | null {
  return typeof name === "string"
    ? (findListed(state, ["market", "instrument"], name)?.instrument.symbol ?? null)
    : null;
}
