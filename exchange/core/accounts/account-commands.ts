/** Commands of accounts beyond their opening: settings, withdrawals. */
import type { AccountMode } from "#exchange/core/commands.ts";
import type { AccountSettings } from "./settings.ts";
import type { WithdrawalSource } from "./withdrawals.ts";

/** What is named is changed; a ceiling of null is taken away. */
export type SettingsChanges = Partial<Omit<AccountSettings, "priceCeilings">> & {
  priceCeilings?: Record<string, number | null>;
};

export interface AccountCommandMap {
  /** Sets money aside until the operator has paid it out, or says that it will not. */
  "request-withdrawal": {
    params: { account: number; amountMicros: bigint; from: WithdrawalSource; reference: string };
    result: { withdrawal: number };
  };
  "complete-withdrawal": { params: { withdrawal: number }; result: { amountMicros: string } };
  "reject-withdrawal": {
    params: { withdrawal: number; reason: string };
    result: { amountMicros: string };
  };
  /** Null leaves the mode as it is. */
  "change-settings": {
    params: { account: number; mode: AccountMode | null; changes: SettingsChanges };
    result: { mode: AccountMode };
  };
}
