/** Deciding on an account's settings and its mode. */
import { transferAtOnce } from "#exchange/core/clearing/transfers.ts";
import type { Command, CommandResult } from "#exchange/core/commands.ts";
import { EXCHANGE_ACCOUNT } from "#exchange/core/ledger/account-names.ts";
import { closeOrder } from "#exchange/core/market/closing.ts";
import { reject } from "#exchange/core/rejections.ts";
import type { Account, CoreState } from "#exchange/core/state.ts";
import { accept, type Decision, type Turn } from "#exchange/core/turn.ts";
import { DEPOSIT_MICROS_MAX } from "./accounts.ts";
import { type AccountSettings, decidedBy, modeManagedProblem } from "./settings.ts";

type Refusal = ReturnType<typeof reject>;

/**
 * Changes what is named. Into Auto Mode open orders are cancelled, since it takes no order commands;
 * where `auto_transfer` goes on, Units in Trading that are not on offer enter Consumption at once.
 */
export function changeSettings(
  turn: Turn,
  command: Command<"change-settings">,
): Decision<CommandResult<"change-settings">> {
  const { state } = turn;
  const account = state.accounts.get(command.account);
  if (account === undefined || command.account === EXCHANGE_ACCOUNT) {
    return reject("account-not-found", `account ${command.account} does not exist`);
  }
  const mode = command.mode ?? account.mode;
  const { priceCeilings, ...changes } = command.changes;
  const problem =
    modeManagedProblem(mode, changes) ??
    quantityProblem(changes) ??
    capValueProblem(changes) ??
    ceilingProblem(state, priceCeilings ?? {});
  if (problem !== null) return problem;
  const settings: AccountSettings = {
    ...account.settings,
    ...(mode === account.mode ? {} : decidedBy(mode)),
    ...withoutUndefined(changes),
    priceCeilings: mergedCeilings(account.settings, priceCeilings ?? {}),
  };
  if (mode === account.mode && isSame(settings, account.settings)) return accept({ mode });
  const goesOn = settings.autoTransfer && !account.settings.autoTransfer;
  if (mode === "easy" && account.mode !== "easy") cancelAll(turn, account);
  turn.emit({
    type: "settings-changed",
    version: 1,
    seq: turn.nextSeq(),
    atMs: turn.nowMs,
    account: account.number,
    mode,
    settings,
  });
  if (goesOn) transferAtOnce(turn, account);
  return accept({ mode });
}

function quantityProblem(changes: Partial<AccountSettings>): Refusal | null {
  const { autoBuyTokens = 1, autoBuyTriggerTokens = 0 } = changes;
  const isCount = (tokens: number, least: number) =>
    Number.isSafeInteger(tokens) && tokens >= least;
  if (isCount(autoBuyTokens, 1) && isCount(autoBuyTriggerTokens, 0)) return null;
  return reject(
    "invalid-quantity",
    `a top-up of ${autoBuyTokens} tokens below ${autoBuyTriggerTokens}, expected whole numbers, the first at least 1`,
  );
}

function capValueProblem(changes: Partial<AccountSettings>): Refusal | null {
  for (const cap of [changes.spendCapDayMicros, changes.spendCapMonthMicros]) {
    if (cap === undefined || cap === null || (cap >= 0n && cap <= DEPOSIT_MICROS_MAX)) continue;
    return reject("invalid-amount", `a spend cap of ${cap} micro-dollars, expected 0 or more`);
  }
  return null;
}

function ceilingProblem(state: CoreState, ceilings: Record<string, number | null>): Refusal | null {
  for (const [symbol, priceTicks] of Object.entries(ceilings)) {
    const listed = state.instruments.get(symbol);
    if (listed === undefined) return reject("instrument-not-found", `no instrument "${symbol}"`);
    const { priceTicksMax } = listed.instrument;
    if (priceTicks === null) continue;
    if (Number.isInteger(priceTicks) && priceTicks >= 1 && priceTicks <= priceTicksMax) continue;
    return reject(
      "invalid-price",
      `a ceiling of ${priceTicks} ticks for ${symbol}, expected 1 to ${priceTicksMax}`,
    );
  }
  return null;
}

function mergedCeilings(
  { priceCeilings }: AccountSettings,
  changes: Record<string, number | null>,
): AccountSettings["priceCeilings"] {
  const merged = new Map<string, number | null>(
    priceCeilings.map(({ symbol, priceTicks }) => [symbol, priceTicks]),
  );
  for (const [symbol, priceTicks] of Object.entries(changes)) merged.set(symbol, priceTicks);
  return [...merged]
    .flatMap(([symbol, priceTicks]) => (priceTicks === null ? [] : [{ symbol, priceTicks }]))
    .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
}

function withoutUndefined<T extends object>(changes: T): T {
  return Object.fromEntries(
    Object.entries(changes).filter(([, value]) => value !== undefined),
  ) as T;
}

function isSame(a: AccountSettings, b: AccountSettings): boolean {
  const text = (settings: AccountSettings) =>
    JSON.stringify(Object.entries(settings).sort(), (_key, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
  return text(a) === text(b);
}

function cancelAll(turn: Turn, { openOrders }: Account): void {
  for (const number of [...openOrders].sort((a, b) => a - b)) {
    const order = turn.state.orders.get(number);
    if (order !== undefined) closeOrder(turn, order, "cancelled", "cancelled");
  }
}
