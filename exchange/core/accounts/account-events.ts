/** Events of accounts beyond their opening: settings, withdrawals. */
import type { AccountMode } from "#exchange/core/commands.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { AccountSettings } from "./settings.ts";
import type { WithdrawalSource } from "./withdrawals.ts";

export interface AccountEventMap {
  /** Money is set aside to be paid out. */
  "withdrawal-requested": {
    withdrawal: number;
    account: number;
    amountMicros: bigint;
    from: WithdrawalSource;
    reference: string;
    digest: string;
    expiresAtMs: number;
    postings: Posting[];
  };
  "withdrawal-completed": { withdrawal: number; postings: Posting[] };
  /** Also "expired": neither completed nor rejected in time. */
  "withdrawal-rejected": { withdrawal: number; reason: string; postings: Posting[] };
  /** The whole of them as they are from now on. */
  "settings-changed": { account: number; mode: AccountMode; settings: AccountSettings };
}
