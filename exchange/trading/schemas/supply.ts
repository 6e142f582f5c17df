/** A supplier's side as the trading API answers it: issuances, issuance accounts, what is owed. */
import { Type } from "typebox";
import { Answer, BalanceId, Dollars, Id, notKept, Text, Time, Units } from "./values.ts";

export const ISSUANCE_NOT_KEPT = notKept([
  "total_deposits",
  "total_transfers",
  "last_deposit_at",
  "last_transfer_at",
]);

const Row = {
  user_id: Id("account"),
  instrument_id: Id("instrument"),
  instrument_symbol: Text,
};

export const IssuanceAccountAnswer = Answer({
  ...Row,
  issuance_account_id: BalanceId,
  status: Type.Enum(["active"]),
  total_balance: Units,
  total_issued: Units,
  total_transferred_to_trading: Units,
  ...ISSUANCE_NOT_KEPT.schema,
});

export const IssuedAnswer = Answer({
  issuance_id: Id("issuance"),
  instrument_id: Id("instrument"),
  instrument_symbol: Text,
  quantity: Units,
  status: Type.Enum(["completed"]),
});

export const IssuanceAnswer = Answer({
  issuance_id: Id("issuance"),
  instrument_id: Id("instrument"),
  instrument_symbol: Text,
  quantity: Units,
  issued_into: Type.Enum(["trading_account", "issuance_account"]),
  issued_at: Time,
});

export const SupplySummaryAnswer = Answer({
  ...Row,
  total_issued: Units,
  units_available: Units,
  units_transferred_to_trading: Units,
  in_issuance_account: Units,
  unsold: Units,
  outstanding: Units,
  issuance_limit: Units,
  issuable_now: Units,
});

export const LiabilityAnswer = Answer({
  ...Row,
  total_liability: Units,
  fulfilled: Units,
  outstanding: Units,
  bond_balance: Dollars,
  bond_locked: Dollars,
});

export const TransferAnswer = Answer({
  status: Type.Enum(["accepted", "completed"]),
  message: Text,
  transfer_id: Id("transfer"),
});
