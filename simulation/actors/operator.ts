/** Whoever runs the exchange: opens accounts, takes deposits, changes settings, and lets the others in. */
import type { AccountMode } from "#exchange/core/commands.ts";
import { WORLD } from "#exchange/core/ledger/account-names.ts";
import type { World } from "#simulation/world.ts";
import { startBuyer } from "./buyer.ts";
import { KeyRing } from "./keys.ts";
import { startSupplier } from "./supplier.ts";
import { startTrader } from "./trader.ts";
import { CLOCK_ERROR_MS_MAX } from "./trouble.ts";

const DEPOSIT_MICROS = 40_000_000n;
/** Less than references are kept, by more than the clock may be wrong. */
const REMEMBERED_MS = 10 * 60_000;
const SPARE_TOKEN_MS = 60_000;

interface Deposit {
  reference: string;
  amountMicros: bigint;
  atMs: number;
  isConfirmed: boolean;
}

/** Opens the market and keeps it going. */
export async function startOperator(world: World): Promise<void> {
  const desk = new Desk(world);
  const running: Promise<void>[] = [];
  const { suppliers, traders, buyers } = world.settings.cast;
  for (let n = 1; n <= suppliers; n += 1) {
    const account = await desk.open(`supplier-${n}`, "advanced");
    running.push(startSupplier(world, account, n));
    desk.depositSoon(account, "bond");
    desk.depositSoon(account, "available");
  }
  for (let n = 1; n <= traders; n += 1) {
    // Every other one's Units wait in Trading.
    const account = await desk.open(`trader-${n}`, "advanced", n % 2 === 1);
    desk.depositSoon(account, "available");
    running.push(startTrader(world, account));
    // Its Lots are large and often expire in the middle of something.
    const keys = await desk.giveKey(account);
    running.push(startBuyer(world, account, { name: `trader-${n}`, pauseMsMax: 40_000, keys }));
  }
  for (let n = 1; n <= buyers; n += 1) {
    const account = await desk.open(`buyer-${n}`, "easy");
    desk.depositSoon(account, "available");
    const keys = await desk.giveKey(account);
    running.push(startBuyer(world, account, { name: `buyer-${n}`, pauseMsMax: 8_000, keys }));
  }
  running.push(desk.run());
  await Promise.all(running);
}

class Desk {
  readonly #world: World;
  readonly #random;
  readonly #accounts: number[] = [];
  readonly #deposits: Deposit[] = [];
  readonly #rings = new Map<number, KeyRing>();
  #references = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork();
    world.lastQuestions.push(() => this.#askForDeposits());
  }

  /** Opens an account; a lost answer is looked up before it is asked again. */
  async open(name: string, mode: AccountMode, autoTransfer = mode === "easy"): Promise<number> {
    const { network } = this.#world;
    for (;;) {
      const known = await network.read((state) =>
        [...state.accounts.values()].find((account) => account.name === name),
      );
      if (known !== undefined) {
        this.#accounts.push(known.number);
        return known.number;
      }
      await this.#world.life?.execute({ type: "open-account", name, mode, autoTransfer });
    }
  }

  /** An account's first key. */
  async giveKey(account: number): Promise<KeyRing> {
    let keyId: string | null = null;
    while (keyId === null) keyId = await this.#addKey(account);
    const keys = new KeyRing(keyId);
    this.#rings.set(account, keys);
    return keys;
  }

  depositSoon(account: number, to: "available" | "bond"): void {
    this.#deposit(account, to).catch((error: Error) => this.#world.oracle.breach(`${error.stack}`));
  }

  async run(): Promise<void> {
    const { scheduler } = this.#world;
    while (!this.#world.isEnding) {
      await scheduler.wait(this.#random.between(8_000, 40_000));
      const what = this.#random.below(10);
      if (this.#random.oneIn(4)) await this.#payIn();
      if (what < 5) await this.#deposit(this.#random.pick(this.#accounts), "available");
      else if (what === 5) await this.#deposit(this.#random.pick(this.#accounts), "bond");
      else if (what === 6) await this.#changePolicy();
      else if (what === 7) await this.#changeInstrument();
      else if (what === 8) await this.#makeJoinToken();
      else await this.#turnKeys();
    }
  }

  async #deposit(account: number, to: "available" | "bond"): Promise<void> {
    this.#references += 1;
    const reference = `wire-${this.#references}`;
    // Some accounts are kept short: what cannot be paid must be refused, not booked.
    const amountMicros = this.#random.oneIn(3) ? 20_000n : DEPOSIT_MICROS;
    const { network, tally, oracle, scheduler } = this.#world;
    const deposit = { reference, amountMicros, atMs: scheduler.nowMs, isConfirmed: false };
    this.#deposits.push(deposit);
    const booked = await network.insist({ type: "deposit", account, amountMicros, to, reference });
    if (booked?.ok !== true) return;
    deposit.isConfirmed = true;
    if (!this.#random.oneIn(6)) return;
    const again = await network.insist({
      type: "deposit",
      account,
      amountMicros: amountMicros + 1n,
      to,
      reference,
    });
    tally.hit("deposit reference reused");
    if (again?.ok === true) oracle.breach(`reference ${reference} was booked with another amount`);
  }

  /** Enough for some cover and not for all; a repeated payment counts once. */
  async #payIn(): Promise<void> {
    this.#references += 1;
    const reference = `fund-${this.#references}`;
    const fund = this.#random.oneIn(4) ? "guaranty" : "cover";
    const amountMicros = BigInt(this.#random.between(1_000, 60_000));
    const { network, scheduler } = this.#world;
    const payment = { reference, amountMicros, atMs: scheduler.nowMs, isConfirmed: false };
    this.#deposits.push(payment);
    const booked = await network.insist({ type: "fund-exchange", fund, amountMicros, reference });
    payment.isConfirmed = booked?.ok === true;
    if (!this.#random.oneIn(4)) return;
    await network.insist({ type: "fund-exchange", fund, amountMicros, reference });
  }

  async #changePolicy(): Promise<void> {
    const { settings, network, tally } = this.#world;
    settings.policy = {
      ...settings.policy,
      takerFeeBps: this.#random.pick([0, 50, 100, 250]),
      makerFeeBps: this.#random.pick([0, 10]),
      bondMarginBps: this.#random.pick([2_000, 8_000]),
    };
    await network.insist({ type: "adopt-policy", policy: settings.policy });
    tally.hit("policy changed");
  }

  async #changeInstrument(): Promise<void> {
    const { settings, network, tally } = this.#world;
    const at = this.#random.below(settings.instruments.length);
    const listed = settings.instruments[at];
    if (listed === undefined) return;
    const instrument = { ...listed, version: listed.version + 1 };
    settings.instruments = settings.instruments.with(at, instrument);
    await network.insist({ type: "list-instrument", instrument });
    tally.hit("instrument changed");
  }

  /** The new key's id once it counts; null when nothing was heard of it. */
  async #addKey(account: number): Promise<string | null> {
    this.#references += 1;
    const keyId = `key-${this.#references}`;
    const added = await this.#world.network.insist({
      ...{ type: "add-api-key", account, keyId, secretHash: "x", label: "key" },
    });
    // It was added by a request whose answer was lost.
    const isThere = added !== null && (added.ok || added.rejection.code === "key-exists");
    return isThere ? keyId : null;
  }

  /** Gives an account another key and revokes the one before. */
  async #turnKeys(): Promise<void> {
    const [account, keys] = this.#random.pick([...this.#rings]);
    const next = await this.#addKey(account);
    if (next === null) return;
    const last = keys.current;
    keys.change(next);
    const revoked = await this.#world.network.insist({ type: "revoke-key", account, key: last });
    // Again, it may be gone by a request whose answer was lost.
    if (revoked === null || (!revoked.ok && revoked.rejection.code !== "key-not-found")) return;
    keys.revoked(last);
    this.#world.tally.hit("key revoked");
  }

  /** A token that nobody comes for until it has run out. */
  async #makeJoinToken(): Promise<void> {
    const { network, scheduler, oracle } = this.#world;
    this.#references += 1;
    const tokenHash = `spare-${this.#references}`;
    const expiresAtMs = scheduler.nowMs + SPARE_TOKEN_MS;
    const account = this.#random.pick(this.#accounts);
    await network.insist({
      ...{ type: "create-join-token", account, tokenHash, nodesMax: 1, expiresAtMs },
    });
    const tooLate = scheduler
      .wait(SPARE_TOKEN_MS + CLOCK_ERROR_MS_MAX)
      .then(() =>
        network.call({ type: "enrol-node", tokenHash, publicKey: tokenHash, name: tokenHash }),
      );
    tooLate.then(
      (enrolled) => enrolled?.ok === true && oracle.breach(`token ${tokenHash} outlived its time`),
      (error: Error) => oracle.breach(`${error.stack}`),
    );
  }

  /** Every deposit that was confirmed is there, once, and nothing else came from outside. */
  #askForDeposits(): void {
    const { life, scheduler, oracle } = this.#world;
    const state = life?.state;
    if (state === undefined) return;
    let least = 0n;
    let most = 0n;
    for (const { reference, amountMicros, atMs, isConfirmed } of this.#deposits) {
      const isRemembered = state.references.has(reference);
      const isOld = scheduler.nowMs - atMs > REMEMBERED_MS;
      if (isConfirmed && !isOld && !isRemembered) {
        oracle.breach(`deposit ${reference} was confirmed and is not there`);
      }
      if (isConfirmed || isRemembered) least += amountMicros;
      // Of one that was never confirmed nobody knows, once its reference may be forgotten.
      if (isConfirmed || isRemembered || isOld) most += amountMicros;
    }
    const taken = -state.ledger.balance(WORLD);
    if (taken < least || taken > most) {
      oracle.breach(`${taken} came from outside, by the deposits it were ${least} to ${most}`);
    }
  }
}
