/** The schemas that the OpenAPI document names, so that one is written once: by the name it has in our code. */
import type { TSchema } from "typebox";
import { ChatRequestSchema } from "#exchange/consumption/chat-request.ts";
import * as account from "#exchange/trading/schemas/account.ts";
import * as markets from "#exchange/trading/schemas/markets.ts";
import * as orders from "#exchange/trading/schemas/orders.ts";
import * as settings from "#exchange/trading/schemas/settings.ts";
import * as supply from "#exchange/trading/schemas/supply.ts";
import * as transfers from "#exchange/trading/schemas/transfers.ts";
import * as withdrawals from "#exchange/trading/schemas/withdrawals.ts";

/** `OrderAnswer` is called `Order`. */
function named(modules: readonly object[]): Map<TSchema, string> {
  const names = new Map<TSchema, string>();
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith("Answer")) names.set(value as TSchema, name.slice(0, -"Answer".length));
    }
  }
  return names;
}

export const KNOWN_SCHEMAS: ReadonlyMap<TSchema, string> = new Map([
  ...named([account, markets, orders, settings, supply, transfers, withdrawals]),
  [ChatRequestSchema, "ChatRequest"] as const,
]);
