/** The trading API, mounted under `/v1`: public market data, and what a signature opens. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "#exchange/clock.ts";
import type { History } from "#exchange/history/history.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { accountRoutes } from "./account-routes.ts";
import { createAuthenticator, rawBodies } from "./authentication.ts";
import { marketRoutes } from "./market-routes.ts";
import { orderRoutes } from "./order-routes.ts";

export interface TradingDependencies {
  shell: Shell;
  history: History;
  clock: Clock;
}

export async function tradingRoutes(
  app: FastifyInstance,
  { shell, history, clock }: TradingDependencies,
): Promise<void> {
  // The signature covers the exact bytes, so they are kept beside what was parsed from them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (request, body, done) => {
    const text = body as string;
    rawBodies.set(request.raw, text);
    if (text === "") return done(null, undefined);
    try {
      done(null, JSON.parse(text));
    } catch (error) {
      done(new Refused("malformed-json", `the body is not JSON: ${(error as Error).message}`));
    }
  });
  const auth = createAuthenticator({}, { shell, clock });
  await app.register(marketRoutes, { shell });
  await app.register(orderRoutes, { shell, history, auth });
  await app.register(accountRoutes, { shell, auth });
}
