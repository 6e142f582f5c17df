/** Who is asking: the account and its limits. An API key may ask as well as a signature. */
import type { FastifyInstance } from "fastify";
import type { Account, CoreState } from "#exchange/core/state.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { listedOf } from "./markets.ts";
import { orderBucketKey } from "./order-buckets.ts";
import { BUCKET_SCOPES, type Purpose, type RateLimits, type TradingLimits } from "./rate-limits.ts";
import { AccountAnswer, LimitsAnswer, MeAnswer } from "./schemas/account.ts";
import { MarketName } from "./schemas/values.ts";
import { callerOf, readData } from "./scope.ts";

const ME = described({
  tag: "account",
  summary: "Who the caller is, its mode and what it may do",
  answer: MeAnswer,
});
const ACCOUNT = described({
  tag: "account",
  summary: "The caller's account",
  answer: AccountAnswer,
});
const LIMITS = described({
  tag: "account",
  summary: "The rate limits that are in force, and what is left of that for orders",
  query: { market_id: MarketName },
  answer: LimitsAnswer,
  errors: ["market-not-found"],
});

export async function accountRoutes(
  app: FastifyInstance,
  { shell, sizes, limits }: { shell: Shell; sizes: TradingLimits; limits: RateLimits },
): Promise<void> {
  app.get("/me", ME, (request, reply) =>
    readData(shell, reply, (state) => {
      const { number, name, mode } = accountOf(state, callerOf(request));
      return {
        user_id: publicId("account", number),
        email: null,
        name,
        account_mode: mode,
        capabilities: capabilitiesOf(mode),
      };
    }),
  );
  app.get("/account", ACCOUNT, (request, reply) =>
    readData(shell, reply, (state) => {
      const { number, name, mode, openedAtMs } = accountOf(state, callerOf(request));
      return {
        account_id: publicId("account", number),
        name,
        account_mode: mode,
        status: "active",
        created_at: new Date(openedAtMs).toISOString(),
      };
    }),
  );
  app.get<{ Querystring: { market_id?: string } }>("/account/limits", LIMITS, (request, reply) =>
    readData(shell, reply, (state) => {
      const { market_id: market } = request.query;
      const listed = market === undefined ? null : listedOf(state, market);
      const key = orderBucketKey(callerOf(request), listed?.instrument.symbol ?? null);
      return {
        market_id: listed === null ? null : publicId("market", listed.number),
        ...orderLimitsView(sizes),
        remaining: limits.peek("orders", key).remaining,
        limits: allLimitsView(sizes),
      };
    }),
  );
}

/** An account that has a key; it exists. */
export function accountOf(state: CoreState, number: number): Account {
  const account = state.accounts.get(number);
  if (account === undefined) throw new Error(`account ${number} has a key and does not exist`);
  return account;
}

/** In Auto Mode the exchange trades for the account, so it may not do so itself. */
function capabilitiesOf(mode: Account["mode"]): string[] {
  const always = ["account:read", "trade:read", "supply:read", "supply:write", "keys:manage"];
  return mode === "easy" ? always : [...always, "trade:write"];
}

function orderLimitsView({ orders: { burst, perSecond } }: TradingLimits): object {
  return {
    order_rate_limits: {
      scope: "user_market",
      max_orders_per_second: perSecond,
      max_orders_per_minute: perSecond * 60,
      burst_capacity: burst,
      window_seconds: Math.ceil(burst / perSecond),
    },
    response_headers: {
      limit: "x-ratelimit-limit",
      remaining: "x-ratelimit-remaining",
      retry_after: "x-ratelimit-retry-after",
    },
  };
}

function allLimitsView(sizes: TradingLimits): Record<string, object> {
  const view = ([purpose, { burst, perSecond }]: [string, { burst: number; perSecond: number }]) =>
    [
      purpose.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      { burst_capacity: burst, per_second: perSecond, scope: BUCKET_SCOPES[purpose as Purpose] },
    ] as const;
  return Object.fromEntries(Object.entries(sizes).map(view));
}
