/**
 * Whose money, Units and Lots an event moved, read from the ledger names in its postings: of the few
 * accounts that somebody listens to. Whatever an event is called, what it moves is in its postings.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";

/** What a name says by number alone; null for nobody that is listened to. */
export interface Owners {
  ofLot(lot: number): number | null;
  ofOrder(order: number): number | null;
}

export interface Touched {
  accounts: Set<number>;
  lots: Set<number>;
}

/** Adds what the event touched. */
export function addTouched(event: CoreEvent, owners: Owners, touched: Touched): void {
  const fields = event as Partial<{
    account: number;
    lot: number;
    lots: number[];
    into: number;
    parts: { lot: number }[];
    postings: readonly Posting[];
  }>;
  if (typeof fields.account === "number") touched.accounts.add(fields.account);
  const addLot = (lot: number): void => {
    const owner = owners.ofLot(lot);
    if (owner === null) return;
    touched.lots.add(lot);
    touched.accounts.add(owner);
  };
  if (typeof fields.lot === "number") addLot(fields.lot);
  if (typeof fields.into === "number") addLot(fields.into);
  for (const lot of fields.lots ?? []) addLot(lot);
  for (const part of fields.parts ?? []) addLot(part.lot);
  for (const posting of fields.postings ?? []) {
    if ("hold" in posting) addName(posting.hold, owners, touched, addLot);
    if ("from" in posting) addName(posting.from, owners, touched, addLot);
    if ("to" in posting) addName(posting.to, owners, touched, addLot);
  }
}

const DELIVERY_OF_LOT = ":lot";

function addName(
  name: string,
  owners: Owners,
  touched: Touched,
  addLot: (lot: number) => void,
): void {
  if (name.startsWith("lot")) addLot(Number.parseInt(name.slice(3), 10));
  else if (name.startsWith("bid") || name.startsWith("ask")) {
    const owner = owners.ofOrder(Number.parseInt(name.slice(3), 10));
    if (owner !== null) touched.accounts.add(owner);
  } else if (name.startsWith("delivery")) {
    const at = name.indexOf(DELIVERY_OF_LOT);
    addLot(Number.parseInt(name.slice(at + DELIVERY_OF_LOT.length), 10));
  } else {
    // Of the exchange's own names none begins with a number.
    const account = Number.parseInt(name, 10);
    if (account > 0) touched.accounts.add(account);
  }
}
