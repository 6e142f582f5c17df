/** Public names of balances: the account and the instrument they are of, in hex. */

export type BalanceKind =
  | "trading_account"
  | "consumption_account"
  | "currency_account"
  | "issuance_account";

const hex = (number: number) => number.toString(16).padStart(8, "0");

/** A stable name for one balance of an account; instrument 0 is money. */
export function balanceId(kind: BalanceKind, account: number, instrument: number): string {
  return `${kind}_${hex(account)}${hex(instrument)}`;
}

/** The same name with the separators that we write; clients may send hyphens. */
export function writtenBalanceId(id: string): string {
  return id.replaceAll("-", "_");
}
