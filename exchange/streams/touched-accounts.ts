/**
 * Whose money, Units and Lots an event moved, of the few accounts that somebody listens to: read from
 * the ledger names in its postings and from the Lots it names. Whatever an event is called, what it
 * moves is in there.
 */
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";

/** What a name says by number alone. */
export interface Owners {
  /** Who had it and who has it now; nobody that is not listened to. */
  ofLot(lot: number): readonly number[];
  ofOrder(order: number): number | null;
}

/** Lots by account; one whose balances alone were moved has none. */
export class Touched {
  readonly lotsByAccount = new Map<number, Set<number>>();
  readonly #owners: Owners;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  addAccount(account: number): Set<number> {
    let lots = this.lotsByAccount.get(account);
    if (lots === undefined) {
      lots = new Set();
      this.lotsByAccount.set(account, lots);
    }
    return lots;
  }

  addLot(lot: number): void {
    for (const owner of this.#owners.ofLot(lot)) this.addAccount(owner).add(lot);
  }

  /** Adds what the event touched. */
  addEvent(event: CoreEvent): void {
    const { account, buyer, seller, postings, ...fields } = event as Fields;
    for (const party of [account, buyer, seller]) {
      if (typeof party === "number") this.addAccount(party);
    }
    for (const lot of [fields.lot, fields.into]) if (typeof lot === "number") this.addLot(lot);
    for (const list of [fields.lots, fields.parts, fields.resold]) {
      for (const part of list ?? []) {
        if (typeof part === "number") this.addLot(part);
        else for (const lot of [part.lot, part.into]) if (typeof lot === "number") this.addLot(lot);
      }
    }
    for (const posting of postings ?? []) {
      if ("hold" in posting) this.#addName(posting.hold);
      if ("from" in posting) this.#addName(posting.from);
      if ("to" in posting) this.#addName(posting.to);
    }
  }

  #addName(name: string): void {
    if (name.startsWith("lot")) this.addLot(Number.parseInt(name.slice(3), 10));
    else if (name.startsWith("bid") || name.startsWith("ask")) {
      const owner = this.#owners.ofOrder(Number.parseInt(name.slice(3), 10));
      if (owner !== null) this.addAccount(owner);
    } else if (name.startsWith("delivery")) {
      const at = name.indexOf(DELIVERY_OF_LOT);
      this.addLot(Number.parseInt(name.slice(at + DELIVERY_OF_LOT.length), 10));
    } else {
      // Of the exchange's own names none begins with a number.
      const account = Number.parseInt(name, 10);
      if (account > 0) this.addAccount(account);
    }
  }
}

const DELIVERY_OF_LOT = ":lot";

type LotParts = readonly (number | { lot?: unknown; into?: unknown })[];

/** Where events name accounts and Lots. */
interface Fields {
  account?: unknown;
  buyer?: unknown;
  seller?: unknown;
  lot?: unknown;
  into?: unknown;
  lots?: LotParts;
  parts?: LotParts;
  resold?: LotParts;
  postings?: readonly Posting[];
}
