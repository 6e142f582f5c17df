/** The trading API, mounted under `/v1`: public market data, and what a signature opens. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "#exchange/clock.ts";
import type { Shell } from "#exchange/shell.ts";
import { marketRoutes } from "./market-routes.ts";

export interface TradingDependencies {
  shell: Shell;
  clock: Clock;
}

export async function tradingRoutes(
  app: FastifyInstance,
  dependencies: TradingDependencies,
): Promise<void> {
  await app.register(marketRoutes, dependencies);
}
