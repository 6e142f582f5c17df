/** Public market data: instruments, markets, ticker and book. No signature needed. */
import type { FastifyInstance } from "fastify";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId } from "#protocol/ids.ts";
import { bookView, instrumentView, marketView, tickerView } from "./views.ts";

const DEPTH_DEFAULT = 20;
const DEPTH_MAX = 100;

/** Finds a market by its market id, its instrument id or its symbol; throws the refusal. */
export function listedOf(state: CoreState, id: string): InstrumentState {
  const number = parsePublicId("market", id) ?? parsePublicId("instrument", id);
  for (const listed of state.instruments.values()) {
    if (listed.number === number || listed.instrument.symbol === id) return listed;
  }
  throw new Refused("instrument-not-found", `no market or instrument "${id}"`);
}

export async function marketRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  const one = (show: (state: CoreState, listed: InstrumentState) => object) => (id: string) =>
    shell.read((state) => ({ data: show(state, listedOf(state, id)) }));
  const all = (show: (listed: InstrumentState) => object) =>
    shell.read((state) => ({ data: [...state.instruments.values()].map(show) }));
  const instrument = one((_state, listed) => instrumentView(listed));
  const market = one((_state, listed) => marketView(listed));
  const ticker = one((_state, listed) => tickerView(listed));

  app.get("/health", async () => ({ data: { status: "ok", service: "trading" } }));
  app.get("/instruments", () => all(instrumentView));
  app.get("/markets", () => all(marketView));
  app.get<{ Params: { id: string } }>("/instruments/:id", (request) =>
    instrument(request.params.id),
  );
  app.get<{ Params: { symbol: string } }>("/instruments/by-symbol/:symbol", (request) =>
    instrument(request.params.symbol),
  );
  app.get<{ Params: { id: string } }>("/markets/:id", (request) => market(request.params.id));
  app.get<{ Params: { id: string } }>("/markets/:id/ticker", (request) =>
    ticker(request.params.id),
  );
  app.get<{ Params: { id: string }; Querystring: { depth?: string } }>(
    "/markets/:id/orderbook",
    (request) => {
      const { depth = String(DEPTH_DEFAULT) } = request.query;
      const levels = Number(depth);
      if (!/^\d{1,3}$/.test(depth) || levels < 1 || levels > DEPTH_MAX) {
        throw new Refused("validation-error", `depth is "${depth}", expected 1 to ${DEPTH_MAX}`);
      }
      const { id } = request.params;
      return shell.read((state) => ({ data: bookView(state, listedOf(state, id), levels) }));
    },
  );
}
