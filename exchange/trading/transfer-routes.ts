/** Units on their way between Trading and Consumption, what moved before, and the Lots they are. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CoreState } from "#exchange/core/state.ts";
import type { History } from "#exchange/history/history.ts";
import type { LotRecord } from "#exchange/history/lot-records.ts";
import type { TransferRecord } from "#exchange/history/transfer-projector.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { type Description, described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { type BalanceKind, balanceId } from "./balance-ids.ts";
import { pagingView, readListQuery } from "./list-query.ts";
import { listedOf } from "./markets.ts";
import { readQuantity } from "./order-request.ts";
import { listParameters } from "./schemas/query.ts";
import { LotAnswer, TransferAnswer, TransferHistoryAnswer } from "./schemas/transfers.ts";
import { MarketName, SentUnits } from "./schemas/values.ts";
import { callerOf } from "./scope.ts";

const readTransfer = bodyReader(
  Type.Object({ instrument_id: MarketName, quantity: SentUnits }, { additionalProperties: false }),
);
const LOT_STATUSES = ["active", "expired", "consumed"] as const;
const tag = "transfers" as const;
const errors = ["insufficient-units", "invalid-quantity", "mode-managed-setting"] as const;

const INTO_CONSUMPTION = described({
  tag,
  summary: "Moves bought Units into Consumption, oldest acquisition first; requests draw on them",
  body: readTransfer.schema,
  status: 202,
  answer: TransferAnswer,
  errors,
});
const INTO_TRADING = described({
  tag,
  summary: "Moves untouched Units back into Trading, latest expiry first; their expiry stays",
  body: readTransfer.schema,
  status: 202,
  answer: TransferAnswer,
  errors,
});
const HISTORY_PARAMETERS = listParameters([
  "market_id",
  "instrument_id",
  "start_datetime",
  "end_datetime",
]);
const HISTORY: Description = {
  tag,
  summary: "Transfers of the caller: asked for, swept, or made by its settings",
  query: HISTORY_PARAMETERS,
  answer: Type.Array(TransferHistoryAnswer),
  paged: true,
};
const LOT_PARAMETERS = listParameters(
  ["market_id", "instrument_id", "start_datetime", "end_datetime"],
  { status: Type.Enum([...LOT_STATUSES]) },
);
const LOTS = described({
  tag,
  summary: "Lots of the caller: Units of one purchase, with their expiry",
  query: LOT_PARAMETERS,
  answer: Type.Array(LotAnswer),
  paged: true,
});
const LOT = described({ tag, summary: "One Lot", answer: LotAnswer, errors: ["lot-not-found"] });

export async function transferRoutes(
  app: FastifyInstance,
  { shell, history }: { shell: Shell; history: History },
): Promise<void> {
  for (const [path, type, route] of [
    ["/transfers/trading-to-consumption", "transfer-to-consumption", INTO_CONSUMPTION],
    ["/transfers/consumption-to-trading", "transfer-to-trading", INTO_TRADING],
  ] as const) {
    app.post(path, route, async (request, reply) => {
      const account = callerOf(request);
      const body = readTransfer(request.body);
      const { instrument } = listedOf(shell.state, body.instrument_id);
      const quantity = readQuantity(instrument, body.quantity);
      const { symbol } = instrument;
      const { transfer } = await runCommand(shell, reply, { type, account, symbol, quantity });
      const data = {
        status: "completed",
        message: "the Units have moved",
        transfer_id: publicId("transfer", transfer),
      };
      return reply.status(202).send({ data });
    });
  }

  for (const [path, deprecated] of [
    ["/transfer-histories", false],
    ["/transfers/histories", true],
  ] as const) {
    app.get(path, described({ ...HISTORY, deprecated }), async (request, reply) => {
      const query = readListQuery(request.query, HISTORY_PARAMETERS);
      const page = history.transfers(callerOf(request), query.span(shell.state), query.page);
      reply.header("x-gridspot-seq", String(history.lastSeq));
      return {
        data: page.items.map((each) => transferView(shell.state, each)),
        paging: pagingView(page),
      };
    });
  }

  app.get("/accounts/lots", LOTS, async (request, reply) => {
    const query = readListQuery(request.query, LOT_PARAMETERS);
    const status = query.choice("status", LOT_STATUSES);
    const page = history.lots(
      callerOf(request),
      { ...query.span(shell.state), status: status === "active" ? "open" : status },
      query.page,
    );
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: page.items.map((lot) => lotView(shell.state, lot)), paging: pagingView(page) };
  });
  app.get<{ Params: { id: string } }>("/accounts/lots/:id", LOT, async (request, reply) => {
    const { id } = request.params;
    const number = parsePublicId("lot", id);
    const lot = number === null ? null : history.lot(number);
    if (lot === null || lot.owner !== callerOf(request)) {
      throw new Refused("lot-not-found", `this account has no Lot "${id.slice(0, 80)}"`);
    }
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: lotView(shell.state, lot) };
  });
}

const ACCOUNT_KINDS: Record<TransferRecord["from"], BalanceKind> = {
  issuance: "issuance_account",
  trading: "trading_account",
  consumption: "consumption_account",
};

function transferView(state: CoreState, transfer: TransferRecord): object {
  const { number, instrument } = listedOf(state, transfer.symbol);
  const id = publicId("transfer", transfer.number);
  const accountOf = (place: TransferRecord["from"]) =>
    balanceId(ACCOUNT_KINDS[place], transfer.account, number);
  return {
    id,
    transfer_id: id,
    market_id: publicId("market", number),
    instrument_id: publicId("instrument", number),
    instrument_name: instrument.name,
    sender_account_id: accountOf(transfer.from),
    account_id: accountOf(transfer.to),
    quantity: formatUnits(transfer.tokens),
    reason: transfer.by.replace("-", "_"),
    transferred_at: new Date(transfer.atMs).toISOString(),
  };
}

function lotView(state: CoreState, lot: LotRecord): object {
  const { number, instrument } = listedOf(state, lot.symbol);
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  const isOpen = lot.status === "open";
  return {
    lot_id: publicId("lot", lot.number),
    instrument_id: publicId("instrument", number),
    instrument_symbol: lot.symbol,
    trade_id: publicId("trade", lot.trade),
    place: lot.place,
    quantity: formatUnits(lot.tokens),
    used: formatUnits(lot.usedTokens),
    remaining: formatUnits(isOpen ? lot.tokens - lot.usedTokens : 0),
    purchase_price: formatPrice(instrument, lot.priceTicks),
    currency: "USD",
    status: isOpen ? "active" : lot.status === "consumed" ? "consumed" : "expired",
    refunded: formatMicros(lot.refundedMicros),
    purchased_at: iso(lot.boughtAtMs),
    entered_consumption_at: iso(lot.enteredAtMs),
    expires_at: iso(lot.expiresAtMs),
    closed_at: iso(lot.closedAtMs),
  };
}
