/** What an account owns: money, Units in Trading, Units in Consumption. One row per instrument. */
import type { FastifyInstance } from "fastify";
import { available, issued, lotTokens } from "#exchange/core/ledger/account-names.ts";
import type { CoreState, InstrumentState, Lot } from "#exchange/core/state.ts";
import { supplyOf } from "#exchange/core/supply/capacity.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { callerOf, readData } from "./scope.ts";
import { balancesView } from "./views.ts";

type Row = { account_id: string };
type Rows = (state: CoreState, account: number) => Row[];

/** The list under `path`, and each of its rows by its account id. */
function rowsRoutes(app: FastifyInstance, shell: Shell, path: string, rows: Rows): void {
  app.get(path, (request, reply) =>
    readData(shell, reply, (state) => rows(state, callerOf(request))),
  );
  app.get<{ Params: { id: string } }>(`${path}/:id`, (request, reply) =>
    readData(shell, reply, (state) => {
      const { id } = request.params;
      const row = rows(state, callerOf(request)).find((each) => each.account_id === id);
      if (row === undefined) throw new Refused("account-not-found", `no "${id}" in GET ${path}`);
      return row;
    }),
  );
}

export async function balanceRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  rowsRoutes(app, shell, "/trading-accounts", perInstrument("trading_account", tradingBalance));
  rowsRoutes(
    app,
    shell,
    "/consumption-accounts",
    perInstrument("consumption_account", consumptionBalance),
  );
  rowsRoutes(app, shell, "/currency-trading-accounts", (state, account) => [
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
    } as Row,
  ]);
}

function perInstrument(
  kind: string,
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

/** A stable name for one balance of an account. */
function balanceId(kind: string, account: number, instrument: number): string {
  const hex = (number: number) => number.toString(16).padStart(8, "0");
  return `${kind}_${hex(account)}${hex(instrument)}`;
}

/** Issued Units on offer or free to be offered, and bought Units that have not entered Consumption. */
function tradingBalance(state: CoreState, account: number, listed: InstrumentState): object {
  const { instrument, lastPriceTicks } = listed;
  const { symbol } = instrument;
  const own = issued(account, symbol);
  const lots = sumOfLots(state, account, symbol, (lot) => lot.tradingSinceMs !== null);
  const inIssuance = BigInt(supplyOf(state, account, symbol).inIssuanceTokens);
  const total = state.ledger.balance(own) - inIssuance + lots.total;
  return {
    ...balancesView(total, state.ledger.held(own) + lots.held, formatUnits),
    last_trade_price: lastPriceTicks === null ? null : formatPrice(instrument, lastPriceTicks),
  };
}

/** Units that requests draw on; what open requests reserve is committed. */
function consumptionBalance(state: CoreState, account: number, listed: InstrumentState): object {
  const entered = (lot: Lot) => lot.tradingSinceMs === null;
  const { total, held, expiresAtMs } = sumOfLots(state, account, listed.instrument.symbol, entered);
  return {
    total_balance: formatUnits(total),
    available_balance: formatUnits(total - held),
    committed_balance: formatUnits(held),
    next_expiry_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
  };
}

function sumOfLots(
  state: CoreState,
  account: number,
  symbol: string,
  wanted: (lot: Lot) => boolean,
): { total: bigint; held: bigint; expiresAtMs: number | null } {
  const sum = { total: 0n, held: 0n, expiresAtMs: null as number | null };
  for (const number of state.accounts.get(account)?.lots ?? []) {
    const lot = state.lots.get(number);
    if (lot === undefined || lot.symbol !== symbol || !wanted(lot)) continue;
    const tokens = lotTokens(number, symbol);
    sum.total += state.ledger.balance(tokens);
    sum.held += state.ledger.held(tokens);
    if (lot.expiresAtMs === null) continue;
    sum.expiresAtMs = Math.min(sum.expiresAtMs ?? lot.expiresAtMs, lot.expiresAtMs);
  }
  return sum;
}
