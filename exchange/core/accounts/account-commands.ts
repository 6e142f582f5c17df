/** Commands of accounts beyond their opening: settings. */
import type { AccountMode } from "#exchange/core/commands.ts";
import type { AccountSettings } from "./settings.ts";

/** What is named is changed; a ceiling of null is taken away. */
export type SettingsChanges = Partial<Omit<AccountSettings, "priceCeilings">> & {
  priceCeilings?: Record<string, number | null>;
};

export interface AccountCommandMap {
  /** Null leaves the mode as it is. */
  "change-settings": {
    params: { account: number; mode: AccountMode | null; changes: SettingsChanges };
    result: { mode: AccountMode };
  };
}
