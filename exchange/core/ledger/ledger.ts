/**
 * The ledger: double entry, integers, two-phase holds. It applies postings and does nothing else.
 *
 * Semantics follow TigerBeetle's two-phase transfers: a hold reserves on its account, is then posted
 * in part or in full, and what is left is voided; limits count what is held. Every posting moves an
 * amount from one account to another, so each asset sums to zero at all times.
 */
import { AccountNames } from "./account-names.ts";

/** USD in micro-dollars, or a UNIT asset in tokens. */
export type Asset = string;

/** One movement. Amounts are positive; names are account and hold names (see `account-names.ts`). */
export type Posting =
  | { kind: "move"; from: string; to: string; amount: bigint }
  | { kind: "hold"; hold: string; from: string; amount: bigint }
  | { kind: "post"; hold: string; to: string; amount: bigint }
  | { kind: "void"; hold: string; amount: bigint };

export interface LedgerAccount {
  name: string;
  asset: Asset;
  debits: bigint;
  credits: bigint;
  held: bigint;
  /** The last look that counted it; see `LedgerObserver`. */
  look: number;
}

export interface LedgerHold {
  name: string;
  account: LedgerAccount;
  amount: bigint;
  /** The last look that counted it; see `LedgerObserver`. */
  look: number;
}

/**
 * Who makes sums over the ledger bit by bit, while it goes on moving: is told of each movement, after
 * it. What it has counted bears the number of its look; what is opened later comes last in turn.
 */
export interface LedgerObserver {
  moved(from: LedgerAccount, to: LedgerAccount, amount: bigint): void;
  /** Less is held when the amount is negative. */
  holdChanged(hold: LedgerHold, amount: bigint): void;
}

/** A bug, never a refusal: deciding code checks first, so a posting that does not fit must not happen. */
export class LedgerError extends Error {}

/** The ledger's accounts and holds. */
export class Ledger {
  /** Names to find accounts by, made once. */
  readonly names = new AccountNames();
  readonly #assets: Asset[] = [];
  readonly #accounts = new Map<string, LedgerAccount>();
  readonly #holds = new Map<string, LedgerHold>();
  #observer: LedgerObserver | null = null;
  #looks = 0;

  /** Credits minus debits; 0 for an account that never moved. */
  balance(name: string): bigint {
    const account = this.#accounts.get(name);
    return account === undefined ? 0n : account.credits - account.debits;
  }

  /** What is held of the balance. */
  held(name: string): bigint {
    return this.#accounts.get(name)?.held ?? 0n;
  }

  /** Balance minus holds: what can be moved or held. */
  free(name: string): bigint {
    const account = this.#accounts.get(name);
    return account === undefined ? 0n : account.credits - account.debits - account.held;
  }

  /** What a hold still reserves; 0 when it is gone. */
  holdAmount(hold: string): bigint {
    return this.#holds.get(hold)?.amount ?? 0n;
  }

  /** Applies postings in order. Throws on the first that does not fit; the process must not go on then. */
  apply(postings: readonly Posting[]): void {
    for (const posting of postings) {
      if (posting.amount <= 0n)
        throw new LedgerError(`amount ${posting.amount} in ${posting.kind}`);
      if (posting.kind === "move") {
        this.#move(this.#open(posting.from), this.#open(posting.to), posting.amount);
      } else if (posting.kind === "hold") {
        this.#hold(posting.hold, this.#open(posting.from), posting.amount);
      } else if (posting.kind === "post") {
        const source = this.#releaseHold(posting.hold, posting.amount);
        this.#move(source, this.#open(posting.to), posting.amount);
      } else {
        this.#releaseHold(posting.hold, posting.amount);
      }
    }
  }

  #move(from: LedgerAccount, to: LedgerAccount, amount: bigint): void {
    if (from.asset !== to.asset) throw new LedgerError(`${from.name} to ${to.name}: assets differ`);
    from.debits += amount;
    to.credits += amount;
    this.#assertCovered(from);
    if (this.#observer !== null) this.#observer.moved(from, to, amount);
  }

  #hold(name: string, account: LedgerAccount, amount: bigint): void {
    let hold = this.#holds.get(name);
    if (hold === undefined) {
      hold = { name, account, amount: 0n, look: 0 };
      this.#holds.set(name, hold);
    } else if (hold.account !== account) {
      throw new LedgerError(`hold ${name} is on ${hold.account.name}, not ${account.name}`);
    }
    hold.amount += amount;
    account.held += amount;
    this.#assertCovered(account);
    if (this.#observer !== null) this.#observer.holdChanged(hold, amount);
  }

  #releaseHold(name: string, amount: bigint): LedgerAccount {
    const hold = this.#holds.get(name);
    if (hold === undefined || hold.amount < amount) {
      throw new LedgerError(`hold ${name} has ${hold?.amount ?? 0n}, ${amount} asked`);
    }
    hold.amount -= amount;
    hold.account.held -= amount;
    if (hold.amount === 0n) this.#holds.delete(name);
    if (this.#observer !== null) this.#observer.holdChanged(hold, -amount);
    return hold.account;
  }

  #open(name: string): LedgerAccount {
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = { name, asset: this.#assetOf(name), debits: 0n, credits: 0n, held: 0n, look: 0 };
      this.#accounts.set(name, account);
    }
    return account;
  }

  /** One string per asset, however many accounts have it. */
  #assetOf(name: string): Asset {
    const asset = assetOf(name);
    const known = this.#assets.find((each) => each === asset);
    if (known !== undefined) return known;
    this.#assets.push(asset);
    return asset;
  }

  #assertCovered(account: LedgerAccount): void {
    if (account.credits - account.debits - account.held >= 0n) return;
    if (isContraAccount(account.name)) return;
    throw new LedgerError(
      `${account.name} would stand at ${account.credits - account.debits} with ${account.held} held`,
    );
  }

  /** Sum of all balances per asset; each is 0 or something is broken. */
  sums(): Map<Asset, bigint> {
    const sums = new Map<Asset, bigint>();
    for (const account of this.#accounts.values()) {
      sums.set(account.asset, (sums.get(account.asset) ?? 0n) + account.credits - account.debits);
    }
    return sums;
  }

  /** Drops an account that is empty and will never be used again (a closed Lot's). */
  forget(name: string): void {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    if (account.credits !== account.debits || account.held !== 0n) {
      throw new LedgerError(`${name} is closed with ${account.credits - account.debits} left`);
    }
    this.#accounts.delete(name);
  }

  /** All accounts, oldest first; others may be opened and forgotten meanwhile. */
  accounts(): Iterable<LedgerAccount> {
    return this.#accounts.values();
  }

  /** Every hold that still reserves something, oldest first; others may come and go meanwhile. */
  holds(): Iterable<LedgerHold> {
    return this.#holds.values();
  }

  /** Begins a look: from now on the observer is told of movements, in place of any before it. Returns the look's number. */
  observe(observer: LedgerObserver): number {
    this.#observer = observer;
    this.#looks += 1;
    return this.#looks;
  }

  /** Whether it is still this observer that is told. */
  isObservedBy(observer: LedgerObserver): boolean {
    return this.#observer === observer;
  }

  /** Ends the observer's look, if it is still on. */
  unobserve(observer: LedgerObserver): void {
    if (this.#observer === observer) this.#observer = null;
  }

  /** The ledger as plain rows, sorted by name. */
  snapshot(): LedgerSnapshot {
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    return {
      accounts: [...this.#accounts.values()]
        .map((account) => ({
          name: account.name,
          debits: account.debits.toString(),
          credits: account.credits.toString(),
        }))
        .sort(byName),
      holds: [...this.#holds]
        .map(([name, hold]) => ({
          name,
          account: hold.account.name,
          amount: hold.amount.toString(),
        }))
        .sort(byName),
    };
  }

  static restore(snapshot: LedgerSnapshot): Ledger {
    const ledger = new Ledger();
    for (const row of snapshot.accounts) {
      const account = ledger.#open(row.name);
      account.debits = BigInt(row.debits);
      account.credits = BigInt(row.credits);
    }
    for (const row of snapshot.holds) {
      ledger.#hold(row.name, ledger.#open(row.account), BigInt(row.amount));
    }
    return ledger;
  }
}

export interface LedgerSnapshot {
  accounts: { name: string; debits: string; credits: string }[];
  holds: { name: string; account: string; amount: string }[];
}

/** Accounts that stand for the outside and for promises: they may go below zero. */
export function isContraAccount(name: string): boolean {
  return name === "world" || name.endsWith(":issuer") || name.endsWith(":owed");
}

/** UNIT accounts end in their instrument after a `/`; all others are USD. */
export function assetOf(name: string): Asset {
  const slash = name.indexOf("/");
  if (slash === -1) return "USD";
  const colon = name.indexOf(":", slash);
  return colon === -1 ? name.slice(slash + 1) : name.slice(slash + 1, colon);
}
