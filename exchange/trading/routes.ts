/** The trading API as one plugin: public market data, and what a signature opens. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "#exchange/clock.ts";
import type { History } from "#exchange/history/history.ts";
import type { Shell } from "#exchange/shell.ts";
import { accountRoutes } from "./account-routes.ts";
import { amendRoute } from "./amend-route.ts";
import { apiKeyRoutes } from "./api-key-routes.ts";
import { createAuthenticator } from "./authentication.ts";
import { balanceRoutes } from "./balance-routes.ts";
import { diagnosticsRoute } from "./diagnostics-route.ts";
import { echoRoute } from "./echo-route.ts";
import { keyRoutes } from "./key-routes.ts";
import { marketRoutes } from "./market-routes.ts";
import { orderRoutes } from "./order-routes.ts";
import { previewRoute } from "./preview-route.ts";
import { quotingRoutes } from "./quoting-routes.ts";
import { createRateLimits, TRADING_LIMITS, type TradingLimits } from "./rate-limits.ts";
import { guard, keepRawBodies, limitByAddress } from "./scope.ts";
import { settingsRoutes } from "./settings-routes.ts";
import { statementRoute } from "./statement-route.ts";
import { supplyRoutes } from "./supply-routes.ts";
import { tradeRoutes } from "./trade-routes.ts";
import { transferRoutes } from "./transfer-routes.ts";
import { withdrawalRoutes } from "./withdrawal-routes.ts";

export interface TradingDependencies {
  shell: Shell;
  history: History;
  clock: Clock;
  limits?: Partial<TradingLimits>;
  /** Names that this exchange has: signatures of version 2 for others are refused. Empty: any. */
  hosts?: readonly string[];
}

/**
 * Mount it under `/v1`, and once more under `/api/v1`, where the published clients look for key
 * registration. Each mount counts its own limits.
 */
export async function tradingRoutes(
  app: FastifyInstance,
  { shell, history, clock, limits: sizes = {}, hosts = [] }: TradingDependencies,
): Promise<void> {
  const tradingLimits = { ...TRADING_LIMITS, ...sizes };
  const limits = createRateLimits(tradingLimits, { clock });
  const auth = createAuthenticator({ shell, clock, limits, hosts });
  const guarded = { auth, limits, shell, clock };
  keepRawBodies(app);
  await app.register(async (open) => {
    limitByAddress(open, limits);
    await open.register(marketRoutes, { shell, history });
  });
  await app.register(async (open) => {
    limitByAddress(open, limits, "echo");
    await open.register(echoRoute, { auth, clock });
  });
  await app.register(async (signed) => {
    guard(signed, { ...guarded, proof: "signature" });
    for (const routes of [orderRoutes, amendRoute, tradeRoutes, supplyRoutes, transferRoutes]) {
      await signed.register(routes, { shell, history });
    }
    // Whoever holds an API key must not make itself the account's trader.
    await signed.register(keyRoutes, { shell });
    await signed.register(statementRoute, { history, clock });
    for (const routes of [balanceRoutes, quotingRoutes, previewRoute, withdrawalRoutes]) {
      await signed.register(routes, { shell });
    }
  });
  await app.register(async (proven) => {
    guard(proven, { ...guarded, proof: "signature-or-key" });
    await proven.register(accountRoutes, { shell, sizes: tradingLimits, limits });
    await proven.register(diagnosticsRoute, { shell });
    await proven.register(settingsRoutes, { shell });
    await proven.register(apiKeyRoutes, { shell });
  });
}
