/** What an account is set to, under the published names, and what its mode decides for it. */
import type { AccountMode } from "#exchange/core/commands.ts";
import { reject } from "#exchange/core/rejections.ts";

export interface AccountSettings {
  /** Bought Units enter Consumption at once. */
  autoTransfer: boolean;
}

/** What a mode comes with: Auto Mode transfers at once, in Advanced Mode Units wait in Trading. */
export function settingsOfMode(mode: AccountMode): AccountSettings {
  return { autoTransfer: mode === "easy" };
}

/** A setting that Auto Mode decides. */
export function modeManaged(setting: string): ReturnType<typeof reject> {
  return reject(
    "mode-managed-setting",
    `Auto Mode decides "${setting}"; switch to Advanced Mode to set it`,
  );
}
