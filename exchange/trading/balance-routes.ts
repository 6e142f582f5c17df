/** What an account owns: money, Units in Trading, Units in Consumption, and what they cost. One row per instrument. */
import type { FastifyInstance } from "fastify";
import { type TSchema, Type } from "typebox";
import { available, issued } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Lot } from "#exchange/core/state.ts";
import { supplyOf } from "#exchange/core/supply/capacity.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { type BalanceKind, balanceId, writtenBalanceId } from "./balance-ids.ts";
import { lotsOf, sumOfLots } from "./lot-sums.ts";
import { positionsView } from "./positions.ts";
import {
  CONSUMPTION_NOT_KEPT,
  ConsumptionAccountAnswer,
  CurrencyAccountAnswer,
  PositionAnswer,
  TRADING_NOT_KEPT,
  TradingAccountAnswer,
} from "./schemas/account.ts";
import { ConsumptionInstrumentAnswer } from "./schemas/settings.ts";
import { callerOf, readData } from "./scope.ts";
import { balancesView } from "./views.ts";

type Row = { account_id: string };
type Rows = (state: CoreState, account: number) => Row[];

const POSITIONS = described({
  tag: "account",
  summary: "Units held in each market and what they cost; a position that is closed has no row",
  answer: Type.Array(PositionAnswer),
});

const CONSUMPTION_INSTRUMENTS = described({
  tag: "account",
  summary: "Units in Consumption, per instrument, as the published platform API lists them",
  answer: Type.Array(ConsumptionInstrumentAnswer),
});

/** The list under `path`, and each of its rows by its account id. */
function rowsRoutes(
  app: FastifyInstance,
  shell: Shell,
  { path, answer, what }: { path: string; answer: TSchema; what: string },
  rows: Rows,
): void {
  const list = described({ tag: "account", summary: what, answer: Type.Array(answer) });
  const row = described({
    tag: "account",
    summary: `One row of GET ${path}`,
    answer,
    errors: ["account-not-found"],
  });
  app.get(path, list, (request, reply) =>
    readData(shell, reply, (state) => rows(state, callerOf(request))),
  );
  app.get<{ Params: { id: string } }>(`${path}/:id`, row, (request, reply) =>
    readData(shell, reply, (state) => {
      const id = writtenBalanceId(request.params.id);
      const found = rows(state, callerOf(request)).find((each) => each.account_id === id);
      if (found !== undefined) return found;
      throw new Refused("account-not-found", `no "${id.slice(0, 80)}" in GET ${path}`);
    }),
  );
}

/** What an account owns, list by list: also what the stream of balances shows. */
export const BALANCE_ROWS: Record<"trading" | "consumption" | "currency", Rows> = {
  trading: perInstrument("trading_account", tradingBalance),
  consumption: perInstrument("consumption_account", consumptionBalance),
  currency: (state, account) => [
    {
      account_id: balanceId("currency_account", account, 0),
      user_id: publicId("account", account),
      currency: "USD",
      status: "active",
      ...balancesView(
        state.ledger.balance(available(account)),
        state.ledger.held(available(account)),
        formatMicros,
      ),
      ...TRADING_NOT_KEPT.view,
    } as Row,
  ],
};

export async function balanceRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  const trading = {
    path: "/trading-accounts",
    answer: TradingAccountAnswer,
    what: "Units in Trading, per instrument: issued by the caller, or bought and not yet in Consumption",
  };
  rowsRoutes(app, shell, trading, BALANCE_ROWS.trading);
  const consumption = {
    path: "/consumption-accounts",
    answer: ConsumptionAccountAnswer,
    what: "Units in Consumption, per instrument: what requests draw on",
  };
  rowsRoutes(app, shell, consumption, BALANCE_ROWS.consumption);
  const money = {
    path: "/currency-trading-accounts",
    answer: CurrencyAccountAnswer,
    what: "The caller's money",
  };
  rowsRoutes(app, shell, money, BALANCE_ROWS.currency);
  app.get("/consumption/instruments", CONSUMPTION_INSTRUMENTS, (request, reply) =>
    readData(shell, reply, (state) => consumptionInstruments(state, callerOf(request))),
  );
  app.get("/positions", POSITIONS, (request, reply) =>
    readData(shell, reply, (state) => positionsView(state, callerOf(request))),
  );
}

function perInstrument(
  kind: BalanceKind,
  balance: (state: CoreState, account: number, listed: InstrumentState) => object,
): Rows {
  return (state, account) =>
    [...state.instruments.values()].map((listed) => ({
      account_id: balanceId(kind, account, listed.number),
      user_id: publicId("account", account),
      market_id: publicId("market", listed.number),
      instrument_id: publicId("instrument", listed.number),
      instrument_name: listed.instrument.name,
      instrument_symbol: listed.instrument.symbol,
      status: "active",
      ...balance(state, account, listed),
    }));
}

/** Issued Units on offer or free to be offered, and bought Units that have not entered Consumption. */
function tradingBalance(state: CoreState, account: number, listed: InstrumentState): object {
  const { instrument, lastPriceTicks } = listed;
  const { symbol } = instrument;
  const own = issued(account, symbol);
  const lots = sumOfLots(state, account, symbol, (lot) => !isInConsumption(lot));
  const inIssuance = BigInt(supplyOf(state, account, symbol).inIssuanceTokens);
  const total = state.ledger.balance(own) - inIssuance + lots.total;
  return {
    ...balancesView(total, state.ledger.held(own) + lots.held, formatUnits),
    last_trade_price: lastPriceTicks === null ? null : formatPrice(instrument, lastPriceTicks),
    ...TRADING_NOT_KEPT.view,
  };
}

/** Units that requests draw on; what open requests reserve is committed. */
function consumptionBalance(state: CoreState, account: number, listed: InstrumentState): object {
  const { symbol } = listed.instrument;
  const { total, held, expiresAtMs } = sumOfLots(state, account, symbol, isInConsumption);
  return {
    total_balance: formatUnits(total),
    available_balance: formatUnits(total - held),
    committed_balance: formatUnits(held),
    next_expiry_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    ...CONSUMPTION_NOT_KEPT.view,
  };
}

/** One row per instrument of which something is in Consumption. */
function consumptionInstruments(state: CoreState, account: number): object[] {
  return [...state.instruments.values()].flatMap(({ number, instrument }) => {
    const { symbol, name } = instrument;
    const lots = lotsOf(state, account, symbol).filter(isInConsumption);
    if (lots.length === 0) return [];
    const { total, held, expiresAtMs } = sumOfLots(state, account, symbol, isInConsumption);
    return {
      instrument_id: publicId("instrument", number),
      instrument_name: name,
      instrument_symbol: symbol,
      total_amount: formatUnits(total),
      tradeable_amount: formatUnits(total - held),
      tokens_purchased: lots.reduce((sum, lot) => sum + lot.tokens, 0),
      tokens_used: lots.reduce((sum, lot) => sum + lot.usedTokens, 0),
      expires_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    };
  });
}

function isInConsumption(lot: Lot): boolean {
  return lot.tradingSinceMs === null;
}
