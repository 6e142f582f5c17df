/** `/self/system-settings`: what an account is set to, under the published names; ceilings and caps are ours. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { SettingsChanges } from "#exchange/core/accounts/account-commands.ts";
import { decidedBy, modeManagedFields } from "#exchange/core/accounts/settings.ts";
import type { AccountMode } from "#exchange/core/commands.ts";
import type { Account, CoreState } from "#exchange/core/state.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { type Description, described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { formatMicros, formatUnits, parseDecimal } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { accountOf } from "./account-routes.ts";
import { listedOf } from "./markets.ts";
import { readPrice } from "./order-request.ts";
import { RELOAD_NOT_KEPT, SettingsAnswer } from "./schemas/settings.ts";
import { SentPrice } from "./schemas/values.ts";
import { callerOf, readData } from "./scope.ts";

const CLOSED = { additionalProperties: false };
const Amount = Type.String({ maxLength: 32, examples: ["1.5"] });
const OrNone = Type.Union([Amount, Type.Null()]);

const readMode = bodyReader(Type.Object({ mode: Type.Enum(["easy", "advanced"]) }, CLOSED));
const readTransfer = bodyReader(
  Type.Union([
    Type.Object({ auto_transfer_enabled: Type.Boolean() }, CLOSED),
    Type.Object(
      { auto_transfer_override: Type.Null({ description: "back to what the mode comes with" }) },
      CLOSED,
    ),
  ]),
);
const readAutoBuy = bodyReader(
  Type.Object(
    {
      auto_buy_enabled: Type.Optional(Type.Boolean()),
      auto_buy_quantity: Type.Optional(Amount),
      auto_buy_trigger_threshold: Type.Optional(Amount),
    },
    CLOSED,
  ),
);
const readLimits = bodyReader(
  Type.Object(
    {
      price_ceilings: Type.Optional(
        Type.Record(Type.String(), Type.Union([SentPrice, Type.Null()]), {
          description: "by symbol; null takes one away",
        }),
      ),
      spend_cap_day_usd: Type.Optional(OrNone),
      spend_cap_month_usd: Type.Optional(OrNone),
    },
    CLOSED,
  ),
);

const says = (summary: string, more: Partial<Description> = {}) =>
  described({ tag: "account", summary, answer: SettingsAnswer, ...more });
const managed = ["mode-managed-setting"] as const;
const SHOW = says("What the account is set to");
const MODE = says(
  "Switches between Auto Mode (`easy`) and Advanced Mode; open orders are cancelled",
  {
    body: readMode.schema,
  },
);
const TRANSFER = says("Whether bought Units enter Consumption at once", {
  body: readTransfer.schema,
  errors: managed,
});
const AUTO_BUY = says("Whether the exchange buys by itself, and its standing top-up", {
  body: readAutoBuy.schema,
  errors: [...managed, "invalid-quantity"],
});
const TOGGLE = says("Turns auto-buy on or off: what it was not", {
  errors: managed,
  deprecated: true,
});
const LIMITS = says("Price ceilings and spend caps of what the exchange buys for the account", {
  body: readLimits.schema,
  errors: ["instrument-not-found", "invalid-price", "invalid-amount"],
});

const PATH = "/self/system-settings";

export async function settingsRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  const show = (request: FastifyRequest, reply: FastifyReply) =>
    readData(shell, reply, (state) => settingsView(state, accountOf(state, callerOf(request))));
  async function change(
    request: FastifyRequest,
    reply: FastifyReply,
    { mode = null, ...changes }: SettingsChanges & { mode?: AccountMode | null },
  ): Promise<object> {
    const account = callerOf(request);
    await runCommand(shell, reply, { type: "change-settings", account, mode, changes });
    return show(request, reply);
  }

  app.get(PATH, SHOW, show);
  app.post(`${PATH}/account-mode`, MODE, (request, reply) =>
    change(request, reply, readMode(request.body)),
  );
  app.patch(`${PATH}/auto-transfer`, TRANSFER, (request, reply) => {
    const body = readTransfer(request.body);
    if ("auto_transfer_enabled" in body) {
      return change(request, reply, { autoTransfer: body.auto_transfer_enabled });
    }
    const { mode } = accountOf(shell.state, callerOf(request));
    return change(
      request,
      reply,
      mode === "easy" ? {} : { autoTransfer: decidedBy(mode).autoTransfer },
    );
  });
  app.patch(`${PATH}/auto-buy`, AUTO_BUY, (request, reply) => {
    const body = readAutoBuy(request.body);
    const { auto_buy_enabled: autoBuy, auto_buy_quantity, auto_buy_trigger_threshold } = body;
    return change(request, reply, {
      ...(autoBuy !== undefined && { autoBuy }),
      ...(auto_buy_quantity !== undefined && {
        autoBuyTokens: tokensOf("auto_buy_quantity", auto_buy_quantity),
      }),
      ...(auto_buy_trigger_threshold !== undefined && {
        autoBuyTriggerTokens: tokensOf("auto_buy_trigger_threshold", auto_buy_trigger_threshold),
      }),
    });
  });
  app.post(`${PATH}/auto-top-up/toggle`, TOGGLE, (request, reply) => {
    const { settings } = accountOf(shell.state, callerOf(request));
    return change(request, reply, { autoBuy: !settings.autoBuy });
  });
  app.patch(`${PATH}/limits`, LIMITS, (request, reply) => {
    const body = readLimits(request.body);
    const { price_ceilings, spend_cap_day_usd, spend_cap_month_usd } = body;
    return change(request, reply, {
      ...(price_ceilings !== undefined && {
        priceCeilings: ceilingsOf(shell.state, price_ceilings),
      }),
      ...(spend_cap_day_usd !== undefined && {
        spendCapDayMicros: capOf("spend_cap_day_usd", spend_cap_day_usd),
      }),
      ...(spend_cap_month_usd !== undefined && {
        spendCapMonthMicros: capOf("spend_cap_month_usd", spend_cap_month_usd),
      }),
    });
  });
}

function ceilingsOf(
  state: CoreState,
  ceilings: Record<string, unknown>,
): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(ceilings).map(([name, price]) => {
      const { instrument } = listedOf(state, name);
      const ticks = price === null ? null : readPrice(instrument, price, `price_ceilings.${name}`);
      return [instrument.symbol, ticks];
    }),
  );
}

function tokensOf(field: string, units: string): number {
  const parsed = parseDecimal(units, 6);
  if (parsed.ok && parsed.value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(parsed.value);
  const why = parsed.ok ? "is too much" : parsed.reason;
  throw new Refused("invalid-quantity", `${field} ${why}`, { field });
}

function capOf(field: string, dollars: string | null): bigint | null {
  if (dollars === null) return null;
  const parsed = parseDecimal(dollars, 6);
  if (parsed.ok) return parsed.value;
  throw new Refused("invalid-amount", `${field} ${parsed.reason}`, { field });
}

function settingsView(state: CoreState, { mode, settings }: Account): object {
  const quantity = formatUnits(settings.autoBuyTokens);
  const threshold = formatUnits(settings.autoBuyTriggerTokens);
  const cap = (micros: bigint | null) => (micros === null ? null : formatMicros(micros));
  return {
    account_mode: mode,
    auto_transfer_enabled: settings.autoTransfer,
    auto_buy_enabled: settings.autoBuy,
    auto_buy_quantity: quantity,
    auto_buy_trigger_threshold: threshold,
    auto_top_up_enabled: settings.autoBuy,
    auto_top_up_quantity: quantity,
    auto_top_up_trigger_threshold: threshold,
    auto_reload_enabled: false,
    ...RELOAD_NOT_KEPT.view,
    mode_managed_fields: modeManagedFields(mode),
    price_ceilings: Object.fromEntries(
      settings.priceCeilings.map(({ symbol, priceTicks }) => [
        symbol,
        formatPrice(listedOf(state, symbol).instrument, priceTicks),
      ]),
    ),
    spend_cap_day_usd: cap(settings.spendCapDayMicros),
    spend_cap_month_usd: cap(settings.spendCapMonthMicros),
  };
}
