/** Balances, supply and keys of the account that signs. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { available, issued, lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Lot } from "#exchange/core/state.ts";
import { sellableTokens, supplyOf } from "#exchange/core/supply/capacity.ts";
import { bodyOf, Refused, runCommand } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { formatUnits } from "#protocol/money.ts";
import { parseQuantity } from "#protocol/quotation.ts";
import { fingerprintOf, publicKeyProblem } from "#protocol/signing.ts";
import type { Authenticator } from "./authentication.ts";
import { listedOf } from "./market-routes.ts";
import { moneyBalances, unitBalances } from "./views.ts";

const supplyBody = bodyOf(
  Type.Object(
    {
      instrument_id: Type.String({ maxLength: 80 }),
      quantity: Type.Union([Type.String({ maxLength: 32 }), Type.Integer()]),
    },
    { additionalProperties: false },
  ),
);
const signingKeyBody = bodyOf(
  Type.Object(
    {
      signing_key: Type.Object(
        {
          label: Type.String({ minLength: 1, maxLength: 64 }),
          public_key: Type.String({ maxLength: 64 }),
        },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false },
  ),
);

export async function accountRoutes(
  app: FastifyInstance,
  { shell, auth }: { shell: Shell; auth: Authenticator },
): Promise<void> {
  /** One row per instrument of the account that signed. */
  const perInstrument =
    (row: (state: CoreState, account: number, listed: InstrumentState) => object) =>
    (account: number) =>
      shell.read((state) => ({
        data: [...state.instruments.values()].map((listed) => ({
          user_id: publicId("account", account),
          instrument_id: publicId("instrument", listed.number),
          instrument_symbol: listed.instrument.symbol,
          ...row(state, account, listed),
        })),
      }));

  const trading = perInstrument((state, account, { number, instrument }) => {
    const { symbol } = instrument;
    const total =
      state.ledger.balance(issued(account, symbol)) -
      BigInt(supplyOf(state, account, symbol).inIssuanceTokens);
    const free = sellableTokens(state, account, symbol);
    return { market_id: publicId("market", number), ...unitBalances(total, total - free) };
  });
  const consumption = perInstrument((state, account, { instrument }) => {
    const lots = lotsOf(state, account, instrument.symbol);
    let total = 0n;
    let held = 0n;
    for (const lot of lots) {
      total += state.ledger.balance(lotTokens(lot.number, lot.symbol));
      held += state.ledger.held(lotTokens(lot.number, lot.symbol));
    }
    const soonest = Math.min(...lots.map((lot) => lot.expiresAtMs ?? Number.POSITIVE_INFINITY));
    return {
      status: "active",
      ...unitBalances(total, held),
      committed_balance: formatUnits(held),
      next_expiry_at: Number.isFinite(soonest) ? new Date(soonest).toISOString() : null,
    };
  });
  const issuance = perInstrument((state, account, { instrument }) => {
    const supply = supplyOf(state, account, instrument.symbol);
    return {
      status: "active",
      total_balance: formatUnits(supply.inIssuanceTokens),
      total_issued: formatUnits(supply.totalIssuedTokens),
      total_transferred_to_trading: formatUnits(supply.totalIssuedTokens - supply.inIssuanceTokens),
    };
  });
  const liability = perInstrument((state, account, { instrument }) => {
    const supply = supplyOf(state, account, instrument.symbol);
    return {
      total_liability: formatUnits(supply.owedTokens + supply.deliveredTokens),
      fulfilled: formatUnits(supply.deliveredTokens),
      outstanding: formatUnits(supply.owedTokens),
    };
  });

  app.get("/trading-accounts", (request) => trading(auth.signed(request)));
  app.get("/consumption-accounts", (request) => consumption(auth.signed(request)));
  app.get("/issuance-accounts", (request) => issuance(auth.signed(request)));
  app.get("/supply-issuances/summary", (request) => issuance(auth.signed(request)));
  app.get("/supplier-liability", (request) => liability(auth.signed(request)));
  app.get("/currency-trading-accounts", (request) => {
    const account = auth.signed(request);
    return shell.read(({ ledger }) => ({
      data: [
        {
          account_id: publicId("account", account),
          currency: "usd",
          ...moneyBalances(ledger.balance(available(account)), ledger.held(available(account))),
        },
      ],
    }));
  });
  app.get("/me", (request) => {
    const account = auth.signedOrKey(request);
    return shell.read((state) => ({
      data: {
        user_id: publicId("account", account),
        name: state.accounts.get(account)?.name,
        account_mode: state.accounts.get(account)?.mode,
      },
    }));
  });

  function supplyOrder(body: { instrument_id: string; quantity: string | number }) {
    const { instrument } = listedOf(shell.state, body.instrument_id);
    const quantity = parseQuantity(instrument, String(body.quantity));
    if (!quantity.ok) throw new Refused("invalid-quantity", quantity.reason, { field: "quantity" });
    return { symbol: instrument.symbol, quantity: quantity.value };
  }

  app.post("/supply-issuances", async (request, reply) => {
    const account = auth.signed(request);
    const wanted = supplyOrder(supplyBody(request));
    const issued = await runCommand(shell, reply, { type: "issue-supply", account, ...wanted });
    return reply.status(201).send({
      data: {
        issuance_id: publicId("issuance", issued.issuance),
        instrument_symbol: wanted.symbol,
        quantity: formatUnits(issued.issuedTokens),
      },
    });
  });
  app.post("/issuance-accounts/transfer", async (request, reply) => {
    const account = auth.signed(request);
    const wanted = supplyOrder(supplyBody(request));
    const moved = await runCommand(shell, reply, { type: "transfer-issued", account, ...wanted });
    const transfer_id = publicId("transfer", moved.transfer);
    return reply
      .status(202)
      .send({ data: { status: "accepted", message: "moved to the trading account", transfer_id } });
  });

  app.post("/signing-keys", async (request, reply) => {
    const account = auth.signedOrKey(request);
    const { label, public_key } = signingKeyBody(request).signing_key;
    const raw = Buffer.from(public_key, "base64");
    const problem = publicKeyProblem(raw);
    if (problem !== null) throw new Refused("invalid-public-key", `public_key: ${problem}`);
    const { fingerprint } = await runCommand(shell, reply, {
      type: "add-signing-key",
      account,
      fingerprint: fingerprintOf(raw),
      publicKey: raw.toString("base64url"),
      label,
    });
    return reply.status(201).send({ data: { id: fingerprint, fingerprint, label } });
  });
  app.get("/signing-keys", (request) => {
    const account = auth.signedOrKey(request);
    return shell.read((state) => ({
      data: [...state.signingKeys.values()]
        .filter((key) => key.account === account)
        .map(({ label, fingerprint }) => ({ label, fingerprint_prefix: fingerprint.slice(0, 8) })),
    }));
  });
}

function lotsOf(state: CoreState, account: number, symbol: string): Lot[] {
  const lots: Lot[] = [];
  for (const number of state.accounts.get(account)?.lots ?? []) {
    const lot = state.lots.get(number);
    if (lot !== undefined && lot.symbol === symbol) lots.push(lot);
  }
  return lots;
}
