/** The account's own trades over the signed API. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { History } from "#exchange/history/history.ts";
import type { FillRecord } from "#exchange/history/records.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { type IdKind, parsePublicId } from "#protocol/ids.ts";
import { type ListQuery, pagingView, readListQuery } from "./list-query.ts";
import { listedOf } from "./markets.ts";
import { FillAnswer } from "./schemas/orders.ts";
import { listParameters } from "./schemas/query.ts";
import { callerOf } from "./scope.ts";
import { fillView } from "./views.ts";

const PARAMETERS = listParameters([
  "market_id",
  "instrument_id",
  "side",
  "order_id",
  "trade_id",
  "start_datetime",
  "end_datetime",
]);
const LIST = described({
  tag: "orders",
  summary: "The caller's own fills",
  query: PARAMETERS,
  answer: Type.Array(FillAnswer),
  paged: true,
});
const SHOW = described({
  tag: "orders",
  summary: "One of the caller's own fills",
  answer: FillAnswer,
  errors: ["trade-not-found"],
});

export async function tradeRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  const show = (fill: FillRecord) => fillView(listedOf(shell.state, fill.trade.symbol), fill);

  app.get("/trades", LIST, async (request, reply) => {
    const query = readListQuery(request.query, PARAMETERS);
    const page = history.fills(
      callerOf(request),
      {
        ...query.span(shell.state),
        side: query.choice("side", ["buy", "sell"] as const),
        order: idFilter(query, "order"),
        trade: idFilter(query, "trade"),
      },
      query.page,
    );
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: page.items.map(show), paging: pagingView(page) };
  });

  app.get<{ Params: { id: string } }>("/trades/:id", SHOW, async (request, reply) => {
    const { id } = request.params;
    const trade = parsePublicId("trade", id);
    const page = { limit: 1, direction: "asc", cursor: null } as const;
    const fills =
      trade === null ? [] : history.fills(callerOf(request), { trade }, page).items.map(show);
    if (fills.length === 0) {
      throw new Refused("trade-not-found", `this account has no trade "${id}"`);
    }
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: fills[0] };
  });
}

function idFilter(query: ListQuery, kind: IdKind): number | null {
  const name = `${kind}_id`;
  const text = query.filter(name);
  if (text === null) return null;
  const number = parsePublicId(kind, text);
  if (number !== null) return number;
  throw new Refused("validation-error", `${name} is "${text.slice(0, 60)}", expected ${kind}_…`, {
    field: name,
  });
}
