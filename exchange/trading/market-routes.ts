/** Public market data: instruments, markets, ticker, book and trades. No signature needed. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import type { History } from "#exchange/history/history.ts";
import type { Shell } from "#exchange/shell.ts";
import { readCount, readLimit } from "./list-query.ts";
import { listedBySymbol, listedOf } from "./markets.ts";
import { readData } from "./scope.ts";
import { bookView, instrumentView, marketView, publicTradeView, tickerView } from "./views.ts";

const DEPTH_DEFAULT = 20;
const DEPTH_MAX = 100;

interface ById {
  Params: { id: string };
  Querystring: Record<string, string | undefined>;
}

export async function marketRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  const one = (
    reply: FastifyReply,
    name: string,
    show: (state: CoreState, listed: InstrumentState) => object,
  ) => readData(shell, reply, (state) => show(state, listedOf(state, name)));
  const all = (reply: FastifyReply, show: (listed: InstrumentState) => object) =>
    readData(shell, reply, (state) => [...state.instruments.values()].map(show));

  app.get("/health", async () => ({ data: { status: "ok", service: "trading" } }));
  app.get("/instruments", (_request, reply) => all(reply, instrumentView));
  app.get("/markets", (_request, reply) => all(reply, marketView));
  app.get<ById>("/instruments/:id", (request, reply) =>
    one(reply, request.params.id, (_state, listed) => instrumentView(listed)),
  );
  app.get<{ Params: { symbol: string } }>("/instruments/by-symbol/:symbol", (request, reply) =>
    readData(shell, reply, (state) => instrumentView(listedBySymbol(state, request.params.symbol))),
  );
  app.get<ById>("/markets/:id", (request, reply) =>
    one(reply, request.params.id, (_state, listed) => marketView(listed)),
  );
  app.get<ById>("/markets/:id/ticker", (request, reply) =>
    one(reply, request.params.id, tickerView),
  );
  app.get<ById>("/markets/:id/orderbook", async (request, reply) => {
    const depth = readCount("depth", request.query.depth ?? null, DEPTH_DEFAULT, DEPTH_MAX);
    return one(reply, request.params.id, (state, listed) => bookView(state, listed, depth));
  });
  app.get<ById>("/markets/:id/trades", async (request, reply) => {
    const limit = readLimit(request.query.limit ?? request.query.page_size ?? null);
    const listed = listedOf(shell.state, request.params.id);
    reply.header("x-gridspot-seq", String(history.lastSeq));
    const trades = history.publicTrades(listed.instrument.symbol, limit);
    return { data: trades.map((trade) => publicTradeView(listed, trade)) };
  });
}
