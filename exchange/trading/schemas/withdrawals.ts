/** Withdrawals as the APIs answer them, and how one is shown. */
import { Type } from "typebox";
import type { Withdrawal } from "#exchange/core/accounts/withdrawals.ts";
import { publicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { Answer, Dollars, Id, Text, Time } from "./values.ts";

export const WithdrawalAnswer = Answer({
  withdrawal_id: Id("withdrawal"),
  account_id: Id("account"),
  amount: Dollars,
  from: Type.Enum(["available", "bond"]),
  reference: Text,
  status: Type.Enum(["pending"]),
  requested_at: Time,
  expires_at: Type.String({ format: "date-time", description: "given back if it is not decided" }),
});

/** The part of a reference that its account chose: what stands before keeps accounts apart. */
const OWN_REFERENCE = /^withdrawal:\d+:/;

/** References are one namespace, and no account may take a name that the operator's deposits need. */
export function withdrawalReference(account: number, reference: string): string {
  return `withdrawal:${account}:${reference}`;
}

export function withdrawalView(withdrawal: Withdrawal): object {
  return {
    withdrawal_id: publicId("withdrawal", withdrawal.number),
    account_id: publicId("account", withdrawal.account),
    amount: formatMicros(withdrawal.amountMicros),
    from: withdrawal.from,
    reference: withdrawal.reference.replace(OWN_REFERENCE, ""),
    status: "pending",
    requested_at: new Date(withdrawal.requestedAtMs).toISOString(),
    expires_at: new Date(withdrawal.expiresAtMs).toISOString(),
  };
}
