/** Public market data: instruments, markets, ticker, book, trades, statistics and candles. No signature needed. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { CANDLES_PER_QUERY_MAX } from "#exchange/history/candles.ts";
import { RESOLUTIONS } from "#exchange/history/candles-times.ts";
import { candleView } from "#exchange/history/candles-view.ts";
import type { History } from "#exchange/history/history.ts";
import { PAGE_LIMIT_MAX } from "#exchange/history/listing.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { createDays } from "./day.ts";
import { readCandleQuery, readCount, readLimit } from "./list-query.ts";
import { listedBySymbol, listedOf } from "./markets.ts";
import {
  BookAnswer,
  CandleAnswer,
  HealthAnswer,
  InstrumentAnswer,
  MarketAnswer,
  StatsAnswer,
  TickerAnswer,
} from "./schemas/markets.ts";
import { PublicTradeAnswer } from "./schemas/orders.ts";
import { LIMIT_DEFAULT } from "./schemas/query.ts";
import { MarketName } from "./schemas/values.ts";
import { readData } from "./scope.ts";
import {
  bookView,
  instrumentView,
  marketView,
  publicTradeView,
  statsView,
  tickerView,
} from "./views.ts";

const DEPTH_DEFAULT = 20;
const DEPTH_MAX = 100;
const errors = ["market-not-found", "instrument-not-found"] as const;
const tag = "markets" as const;

const HEALTH = described({ tag: "health", summary: "It answers", answer: HealthAnswer });
const INSTRUMENTS = described({
  tag,
  summary: "What is traded: thresholds, steps and the last price of each instrument",
  answer: Type.Array(InstrumentAnswer),
});
const INSTRUMENT = described({ tag, summary: "One instrument", answer: InstrumentAnswer, errors });
const MARKETS = described({
  tag,
  summary: "The markets: one per instrument, quoted in dollars per Unit",
  answer: Type.Array(MarketAnswer),
});
const MARKET = described({ tag, summary: "One market", answer: MarketAnswer, errors });
const TICKER = described({
  tag,
  summary: "Last trade, best prices and the last 24 hours of a market",
  answer: TickerAnswer,
  errors,
});
const BOOK = described({
  tag,
  summary: "The book's price levels from the best outward, under both published pairs of names",
  query: {
    depth: Type.Integer({ minimum: 1, maximum: DEPTH_MAX, default: DEPTH_DEFAULT }),
  },
  answer: BookAnswer,
  errors,
});
const TRADES = described({
  tag,
  summary: "The newest trades of a market, newest first; nobody is named",
  query: { limit: Type.Integer({ minimum: 1, maximum: PAGE_LIMIT_MAX, default: LIMIT_DEFAULT }) },
  answer: Type.Array(PublicTradeAnswer),
  errors,
});
const STATS = described({
  tag,
  summary: "The last 24 hours of a market",
  answer: StatsAnswer,
  errors,
});
const CANDLES = described({
  tag,
  summary: "Candles of a market, oldest first; times without trades have none",
  query: {
    market_id: MarketName,
    resolution: Type.Enum([...RESOLUTIONS]),
    from: Type.Integer({ minimum: 0, description: "unix seconds" }),
    to: Type.Integer({ minimum: 0, description: "unix seconds; now, if it is left out" }),
    limit: Type.Integer({ minimum: 1, maximum: CANDLES_PER_QUERY_MAX }),
  },
  requiredQuery: ["market_id"],
  answer: Type.Array(CandleAnswer),
  errors,
});

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
  const all = (reply: FastifyReply, show: (state: CoreState, listed: InstrumentState) => object) =>
    readData(shell, reply, (state) =>
      [...state.instruments.values()].map((each) => show(state, each)),
    );
  const days = createDays(history);
  const day = (state: CoreState, { instrument }: InstrumentState) =>
    days(instrument.symbol, state.nowMs);
  const instrument = (state: CoreState, listed: InstrumentState) =>
    instrumentView(listed, day(state, listed));
  const market = (_state: CoreState, listed: InstrumentState) => marketView(listed);

  app.get("/health", HEALTH, async () => ({ data: { status: "ok", service: "trading" } }));
  app.get("/instruments", INSTRUMENTS, (_request, reply) => all(reply, instrument));
  app.get("/markets", MARKETS, (_request, reply) => all(reply, market));
  app.get<ById>("/instruments/:id", INSTRUMENT, (request, reply) =>
    one(reply, request.params.id, instrument),
  );
  app.get<{ Params: { symbol: string } }>(
    "/instruments/by-symbol/:symbol",
    INSTRUMENT,
    (request, reply) =>
      readData(shell, reply, (state) =>
        instrument(state, listedBySymbol(state, request.params.symbol)),
      ),
  );
  app.get<ById>("/markets/:id", MARKET, (request, reply) => one(reply, request.params.id, market));
  app.get<ById>("/markets/:id/ticker", TICKER, (request, reply) =>
    one(reply, request.params.id, (state, listed) => tickerView(state, listed, day(state, listed))),
  );
  app.get<ById>("/markets/:id/stats", STATS, (request, reply) =>
    one(reply, request.params.id, (state, listed) => statsView(listed, day(state, listed))),
  );
  app.get<ById>("/markets/:id/orderbook", BOOK, async (request, reply) => {
    const depth = readCount("depth", request.query.depth ?? null, DEPTH_DEFAULT, DEPTH_MAX);
    return one(reply, request.params.id, (state, listed) => bookView(state, listed, depth));
  });
  app.get<ById>("/markets/:id/trades", TRADES, async (request, reply) => {
    const limit = readLimit(request.query.limit ?? request.query.page_size ?? null);
    const listed = listedOf(shell.state, request.params.id);
    reply.header("x-gridspot-seq", String(history.lastSeq));
    const trades = history.publicTrades(listed.instrument.symbol, limit);
    return { data: trades.map((trade) => publicTradeView(listed, trade)) };
  });
  for (const [path, deprecated] of [
    ["/price-histories", false],
    ["/price_histories", true],
  ] as const) {
    const { config } = CANDLES;
    const route = { config: { description: { ...config.description, deprecated } } };
    app.get<{ Querystring: Record<string, string | string[]> }>(path, route, (request, reply) =>
      readData(shell, reply, (state) => {
        const { market, resolution, ...wish } = readCandleQuery(request.query, state.nowMs);
        const listed = listedOf(state, market);
        const found = history.candles(listed.instrument.symbol, resolution, wish);
        return found.map((candle) => candleView(listed, resolution, candle));
      }),
    );
  }
}
