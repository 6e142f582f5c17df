/** Events of accounts beyond their opening: settings. */
import type { AccountMode } from "#exchange/core/commands.ts";
import type { AccountSettings } from "./settings.ts";

export interface AccountEventMap {
  /** The whole of them as they are from now on. */
  "settings-changed": { account: number; mode: AccountMode; settings: AccountSettings };
}
