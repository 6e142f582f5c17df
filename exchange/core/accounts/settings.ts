/** What an account is set to, under the published names, and what its mode decides for it. */
import type { AccountMode } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";
import { TOKENS_PER_UNIT } from "#protocol/money.ts";

export interface AccountSettings {
  /** `auto_transfer_enabled`: bought Units enter Consumption at once. */
  autoTransfer: boolean;
  /** `auto_buy_enabled`: the exchange buys by itself; what a request needs in Auto Mode alone. */
  autoBuy: boolean;
  /** `auto_buy_quantity`: what a standing top-up buys, in tokens. */
  autoBuyTokens: number;
  /** `auto_buy_trigger_threshold`, in tokens: a position below it is topped up. 0: only when a request needs it. */
  autoBuyTriggerTokens: number;
  /** What the exchange pays at most when it buys for the account, per instrument, by symbol. */
  priceCeilings: { symbol: string; priceTicks: number }[];
  /** What the exchange spends for the account at most, fees included, per UTC day and month. */
  spendCapDayMicros: bigint | null;
  spendCapMonthMicros: bigint | null;
}

/** What the exchange spent for an account in the running UTC day and month. */
export interface Spending {
  dayStartMs: number;
  dayMicros: bigint;
  monthStartMs: number;
  monthMicros: bigint;
}

/** Of these Auto Mode decides: both are on. */
const MODE_MANAGED = [
  ["autoTransfer", "auto_transfer_enabled"],
  ["autoBuy", "auto_buy_enabled"],
] as const;

/** The published names of settings that a mode decides. */
export function modeManagedFields(mode: AccountMode): string[] {
  return mode === "easy" ? MODE_MANAGED.map(([, name]) => name) : [];
}

/** Why a mode does not let these settings be set, or null when it does. */
export function modeManagedProblem(
  mode: AccountMode,
  changes: Partial<AccountSettings>,
): ReturnType<typeof reject> | null {
  if (mode !== "easy") return null;
  const managed = MODE_MANAGED.find(([setting]) => changes[setting] !== undefined);
  if (managed === undefined) return null;
  return reject(
    "mode-managed-setting",
    `Auto Mode decides "${managed[1]}"; switch to Advanced Mode to set it`,
  );
}

/** What a mode comes with: Auto Mode buys and transfers at once, in Advanced Mode Units wait in Trading. */
export function settingsOfMode(mode: AccountMode): AccountSettings {
  return {
    ...decidedBy(mode),
    autoBuyTokens: TOKENS_PER_UNIT,
    autoBuyTriggerTokens: 0,
    priceCeilings: [],
    spendCapDayMicros: null,
    spendCapMonthMicros: null,
  };
}

/** What changes with a mode; the rest stays. */
export function decidedBy(mode: AccountMode): Pick<AccountSettings, "autoTransfer" | "autoBuy"> {
  const isAuto = mode === "easy";
  return { autoTransfer: isAuto, autoBuy: isAuto };
}
