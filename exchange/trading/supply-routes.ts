/** A supplier's side of the signed API: issue Units, move them to Trading, see what is owed. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { bond, issued } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import {
  issuanceLimitTokens,
  outstandingTokens,
  supplyOf,
} from "#exchange/core/supply/capacity.ts";
import type { History } from "#exchange/history/history.ts";
import type { IssuanceRecord } from "#exchange/history/records.ts";
import { runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { balanceId } from "./balance-ids.ts";
import { pagingView, readListQuery } from "./list-query.ts";
import { listedOf } from "./markets.ts";
import { readQuantity } from "./order-request.ts";
import { listParameters } from "./schemas/query.ts";
import {
  ISSUANCE_NOT_KEPT,
  IssuanceAccountAnswer,
  IssuanceAnswer,
  IssuedAnswer,
  LiabilityAnswer,
  SupplySummaryAnswer,
  TransferAnswer,
} from "./schemas/supply.ts";
import { MarketName, SentUnits } from "./schemas/values.ts";
import { callerOf, readData } from "./scope.ts";

const readSupplyBody = bodyReader(
  Type.Object(
    {
      instrument_id: MarketName,
      quantity: SentUnits,
      trading_account_id: Type.Optional(
        Type.String({ maxLength: 80, description: "there is one per instrument; not looked at" }),
      ),
    },
    { additionalProperties: false },
  ),
);

const tag = "supply" as const;
const PARAMETERS = listParameters(["instrument_id", "start_datetime", "end_datetime"]);
const ACCOUNTS = described({
  tag,
  summary: "Issued Units that are not yet in Trading, per instrument",
  answer: Type.Array(IssuanceAccountAnswer),
});
const TRANSFER = described({
  tag,
  summary: "Moves issued Units from the issuance to the trading account",
  body: readSupplyBody.schema,
  status: 202,
  answer: TransferAnswer,
  errors: ["insufficient-units", "invalid-quantity"],
});
const ISSUE = described({
  tag,
  summary: "Issues Units, within what the linked nodes were measured to sustain",
  body: readSupplyBody.schema,
  status: 201,
  answer: IssuedAnswer,
  errors: ["capacity-exceeded", "invalid-quantity"],
});
const LIST = described({
  tag,
  summary: "The caller's issuances",
  query: PARAMETERS,
  answer: Type.Array(IssuanceAnswer),
  paged: true,
});
const SUMMARY = described({
  tag,
  summary: "What was issued, what of it is where, and what may still be issued",
  answer: Type.Array(SupplySummaryAnswer),
});
const LIABILITIES = described({
  tag,
  summary: "What the caller still has to deliver, and the bond that stands for it",
  answer: Type.Array(LiabilityAnswer),
});
const LIABILITY = described({
  tag,
  summary: "The same for one instrument",
  answer: LiabilityAnswer,
  errors: ["instrument-not-found"],
});

export async function supplyRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  const supplyCommand = (request: { body: unknown }) => {
    const body = readSupplyBody(request.body);
    const { instrument } = listedOf(shell.state, body.instrument_id);
    return { symbol: instrument.symbol, quantity: readQuantity(instrument, body.quantity) };
  };
  const perInstrument =
    (row: (state: CoreState, account: number, listed: InstrumentState) => object) =>
    (account: number, only?: InstrumentState) =>
    (state: CoreState) =>
      (only === undefined ? [...state.instruments.values()] : [only]).map((listed) => ({
        user_id: publicId("account", account),
        instrument_id: publicId("instrument", listed.number),
        instrument_symbol: listed.instrument.symbol,
        ...row(state, account, listed),
      }));
  const issuanceAccounts = perInstrument(issuanceAccountView);
  const summaries = perInstrument(summaryView);
  const liabilities = perInstrument(liabilityView);

  app.get("/issuance-accounts", ACCOUNTS, (request, reply) =>
    readData(shell, reply, issuanceAccounts(callerOf(request))),
  );
  app.post("/issuance-accounts/transfer", TRANSFER, async (request, reply) => {
    const account = callerOf(request);
    const command = { type: "transfer-issued" as const, account, ...supplyCommand(request) };
    const { transfer } = await runCommand(shell, reply, command);
    const data = {
      status: "completed",
      message: "the Units are in the trading account",
      transfer_id: publicId("transfer", transfer),
    };
    return reply.status(202).send({ data });
  });

  app.post("/supply-issuances", ISSUE, async (request, reply) => {
    const account = callerOf(request);
    const command = { type: "issue-supply" as const, account, ...supplyCommand(request) };
    const { issuance, issuedTokens } = await runCommand(shell, reply, command);
    const listed = listedOf(shell.state, command.symbol);
    const data = {
      issuance_id: publicId("issuance", issuance),
      instrument_id: publicId("instrument", listed.number),
      instrument_symbol: command.symbol,
      quantity: formatUnits(issuedTokens),
      status: "completed",
    };
    return reply.status(201).send({ data });
  });
  app.get("/supply-issuances", LIST, async (request, reply) => {
    const query = readListQuery(request.query, PARAMETERS);
    const page = history.issuances(callerOf(request), query.span(shell.state), query.page);
    reply.header("x-gridspot-seq", String(history.lastSeq));
    const show = (record: IssuanceRecord) =>
      issuanceView(listedOf(shell.state, record.symbol), record);
    return { data: page.items.map(show), paging: pagingView(page) };
  });
  app.get("/supply-issuances/summary", SUMMARY, (request, reply) =>
    readData(shell, reply, summaries(callerOf(request))),
  );

  app.get("/supplier-liability", LIABILITIES, (request, reply) =>
    readData(shell, reply, liabilities(callerOf(request))),
  );
  app.get<{ Params: { id: string } }>("/supplier-liability/:id", LIABILITY, (request, reply) =>
    readData(shell, reply, (state) => {
      const listed = listedOf(state, request.params.id);
      return liabilities(callerOf(request), listed)(state)[0];
    }),
  );
}

function issuanceAccountView(
  state: CoreState,
  account: number,
  { number, instrument }: InstrumentState,
): object {
  const { inIssuanceTokens, totalIssuedTokens } = supplyOf(state, account, instrument.symbol);
  return {
    issuance_account_id: balanceId("issuance_account", account, number),
    status: "active",
    total_balance: formatUnits(inIssuanceTokens),
    total_issued: formatUnits(totalIssuedTokens),
    total_transferred_to_trading: formatUnits(totalIssuedTokens - inIssuanceTokens),
    ...ISSUANCE_NOT_KEPT.view,
  };
}

function issuanceView({ number }: InstrumentState, record: IssuanceRecord): object {
  return {
    issuance_id: publicId("issuance", record.number),
    instrument_id: publicId("instrument", number),
    instrument_symbol: record.symbol,
    quantity: formatUnits(record.tokens),
    issued_into: record.toTrading ? "trading_account" : "issuance_account",
    issued_at: new Date(record.atMs).toISOString(),
  };
}

/** How far the supplier is from what its measured capacity lets it owe. */
function summaryView(state: CoreState, account: number, { instrument }: InstrumentState): object {
  const { symbol } = instrument;
  const supply = supplyOf(state, account, symbol);
  const limit = issuanceLimitTokens(state, account, symbol);
  const outstanding = outstandingTokens(state, account, symbol);
  return {
    total_issued: formatUnits(supply.totalIssuedTokens),
    units_available: formatUnits(supply.inIssuanceTokens),
    units_transferred_to_trading: formatUnits(supply.totalIssuedTokens - supply.inIssuanceTokens),
    in_issuance_account: formatUnits(supply.inIssuanceTokens),
    unsold: formatUnits(state.ledger.balance(issued(account, symbol))),
    outstanding: formatUnits(outstanding),
    issuance_limit: formatUnits(limit),
    issuable_now: formatUnits(limit > outstanding ? limit - outstanding : 0n),
  };
}

/** What the supplier still has to deliver, and the bond that stands for it. */
function liabilityView(state: CoreState, account: number, { instrument }: InstrumentState): object {
  const supply = supplyOf(state, account, instrument.symbol);
  return {
    outstanding: formatUnits(supply.owedTokens),
    fulfilled: formatUnits(supply.deliveredTokens),
    total_liability: formatUnits(supply.owedTokens + supply.deliveredTokens),
    bond_balance: formatMicros(state.ledger.balance(bond(account))),
    bond_locked: formatMicros(state.ledger.held(bond(account))),
  };
}
