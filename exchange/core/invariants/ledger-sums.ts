/**
 * What the ledger must come to: nothing is made or lost, each account has held what its holds add up
 * to, and each supplier owes the tokens of its Lots. The sums are made bit by bit while the ledger goes
 * on moving: what moves on a part that was counted is added to the sum at once, so that at the end
 * each sum is that of the ledger as it stands then.
 */
import type { LedgerAccount, LedgerHold, LedgerObserver } from "#exchange/core/ledger/ledger.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { accountBreaches, holdBreaches, lotNumberOf } from "./ledger.ts";
import { add } from "./sums.ts";

const TOKENS = ":tokens";

class LedgerSums implements LedgerObserver {
  readonly #state: CoreState;
  readonly #look: number;
  #areHoldsCounted = false;
  readonly #held = new Map<LedgerAccount, bigint>();
  readonly #byAsset = new Map<string, bigint>();
  /** Tokens of open Lots, by supply. */
  readonly owed = new Map<string, bigint>();

  constructor(state: CoreState) {
    this.#state = state;
    this.#look = state.ledger.observe(this);
  }

  countHold(hold: LedgerHold): void {
    hold.look = this.#look;
    add(this.#held, hold.account, hold.amount);
  }

  /** From now on every hold counts, those that are yet to be opened too. */
  closeHolds(): void {
    this.#areHoldsCounted = true;
  }

  countAccount(account: LedgerAccount): void {
    account.look = this.#look;
    this.#addBalance(account, account.credits - account.debits);
  }

  heldOf(account: LedgerAccount): bigint {
    return this.#held.get(account) ?? 0n;
  }

  moved(from: LedgerAccount, to: LedgerAccount, amount: bigint): void {
    if (from.look === this.#look) this.#addBalance(from, -amount);
    if (to.look === this.#look) this.#addBalance(to, amount);
  }

  holdChanged(hold: LedgerHold, amount: bigint): void {
    if (this.#areHoldsCounted || hold.look === this.#look) add(this.#held, hold.account, amount);
  }

  *assetBreaches(): Generator<string> {
    for (const [asset, sum] of this.#byAsset) {
      if (sum !== 0n) yield `all accounts of ${asset} together stand at ${sum}, expected 0`;
    }
  }

  #addBalance({ name, asset }: LedgerAccount, amount: bigint): void {
    add(this.#byAsset, asset, amount);
    if (!name.endsWith(TOKENS)) return;
    const lot = this.#state.lots.get(lotNumberOf(name) ?? 0);
    if (lot !== undefined) {
      add(this.owed, this.#state.ledger.names.supply(lot.supplier, lot.symbol).key, amount);
    }
  }
}

/** Walks the ledger; may be paused while commands run. Ends early when another walk has begun. */
export function* ledgerBreaches(state: CoreState): Generator<string | null> {
  const { ledger } = state;
  const sums = new LedgerSums(state);
  try {
    for (const hold of ledger.holds()) {
      sums.countHold(hold);
      yield* holdBreaches(state, hold);
      yield null;
      if (!ledger.isObservedBy(sums)) return;
    }
    sums.closeHolds();
    for (const account of ledger.accounts()) {
      sums.countAccount(account);
      yield* accountBreaches(state, account);
      const held = sums.heldOf(account);
      if (held !== account.held) {
        yield `${account.name} has ${account.held} held, its holds add up to ${held}`;
      }
      yield null;
      if (!ledger.isObservedBy(sums)) return;
    }
    yield* sums.assetBreaches();
    yield* owedBreaches(state, sums.owed);
  } finally {
    ledger.unobserve(sums);
  }
}

/** As many steps as suppliers and instruments, in one. */
function* owedBreaches(state: CoreState, owed: Map<string, bigint>): Generator<string> {
  for (const [key, { owedTokens }] of state.supplies) {
    const tokens = owed.get(key) ?? 0n;
    if (BigInt(owedTokens) !== tokens) {
      yield `supplier ${key} counts ${owedTokens} tokens owed, its Lots have ${tokens}`;
    }
    owed.delete(key);
  }
  for (const [key, tokens] of owed) {
    if (tokens > 0n) yield `Lots are owed ${tokens} tokens by ${key}, which never issued any`;
  }
}
