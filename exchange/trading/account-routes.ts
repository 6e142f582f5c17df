/** Who is asking: the account, its limits and its signing keys. An API key may ask as well as a signature. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Account, CoreState, SigningKey } from "#exchange/core/state.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { readPublicKey, signingKeyId } from "#exchange/public-key.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { listedOf } from "./markets.ts";
import type { TradingLimits } from "./rate-limits.ts";
import { callerOf, readData } from "./scope.ts";

/** How much of a fingerprint is shown after its creation, as published. */
const FINGERPRINT_PREFIX_CHARACTERS = 8;
const CLOSED = { additionalProperties: false };

const readKeyBody = bodyReader(
  Type.Object(
    {
      signing_key: Type.Object(
        {
          label: Type.String({ minLength: 1, maxLength: 64 }),
          public_key: Type.String({ minLength: 1, maxLength: 200 }),
        },
        CLOSED,
      ),
    },
    CLOSED,
  ),
);

export async function accountRoutes(
  app: FastifyInstance,
  { shell, limits }: { shell: Shell; limits: TradingLimits },
): Promise<void> {
  app.get("/me", (request, reply) =>
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
  app.get("/account", (request, reply) =>
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
  app.get<{ Querystring: { market_id?: string } }>("/account/limits", (request, reply) =>
    readData(shell, reply, (state) => {
      const { market_id: market } = request.query;
      return {
        market_id: market === undefined ? null : publicId("market", listedOf(state, market).number),
        ...orderLimitsView(limits),
      };
    }),
  );

  app.post("/signing-keys", async (request, reply) => {
    const account = callerOf(request);
    const { label, public_key } = readKeyBody(request.body).signing_key;
    const { publicKey, fingerprint } = readPublicKey(public_key);
    const key = { account, fingerprint, publicKey, label };
    await runCommand(shell, reply, { type: "add-signing-key", ...key });
    const { createdAtMs = shell.state.nowMs } = shell.state.signingKeys.get(fingerprint) ?? {};
    return reply.status(201).send({ data: { ...keyView({ ...key, createdAtMs }), fingerprint } });
  });
  app.get("/signing-keys", (request, reply) =>
    readData(shell, reply, (state) => keysOf(state, callerOf(request)).map(keyView)),
  );
  app.delete<{ Params: { id: string } }>("/signing-keys/:id", async (request, reply) => {
    const account = callerOf(request);
    const { id } = request.params;
    const key = keysOf(shell.state, account).find((each) => signingKeyId(each.fingerprint) === id);
    if (key === undefined) {
      const shown = id.slice(0, 80);
      throw new Refused("key-not-found", `no "${shown}" in GET /v1/signing-keys of this account`);
    }
    await runCommand(shell, reply, { type: "revoke-key", account, key: key.fingerprint });
    return reply.status(204).send();
  });
}

function accountOf(state: CoreState, number: number): Account {
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
      scope: "user",
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

function keysOf(state: CoreState, account: number): SigningKey[] {
  return [...state.signingKeys.values()].filter((key) => key.account === account);
}

function keyView({ fingerprint, label, createdAtMs }: SigningKey): object {
  return {
    id: signingKeyId(fingerprint),
    label,
    fingerprint_prefix: fingerprint.slice(0, FINGERPRINT_PREFIX_CHARACTERS),
    is_active: true,
    created_at: new Date(createdAtMs).toISOString(),
  };
}
