/** Whoever runs the exchange: opens accounts, takes deposits, changes settings, and lets the others in. */
import type { AccountMode } from "#exchange/core/commands.ts";
import { WORLD } from "#exchange/core/ledger/account-names.ts";
import type { World } from "#simulation/world.ts";
import { startBuyer } from "./buyer.ts";
import { startSupplier } from "./supplier.ts";
import { startTrader } from "./trader.ts";

const DEPOSIT_MICROS = 40_000_000n;

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
    const account = await desk.open(`trader-${n}`, "advanced");
    desk.depositSoon(account, "available");
    running.push(startTrader(world, account));
    // Its Lots are large and often expire in the middle of something.
    running.push(startBuyer(world, account, { name: `trader-${n}`, pauseMsMax: 40_000 }));
  }
  for (let n = 1; n <= buyers; n += 1) {
    const account = await desk.open(`buyer-${n}`, "easy");
    desk.depositSoon(account, "available");
    running.push(startBuyer(world, account, { name: `buyer-${n}`, pauseMsMax: 8_000 }));
  }
  running.push(desk.run());
  await Promise.all(running);
}

class Desk {
  readonly #world: World;
  readonly #random;
  readonly #accounts: number[] = [];
  readonly #booked = new Map<string, bigint>();
  #references = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork();
    world.lastQuestions.push(() => this.#askForDeposits());
  }

  /** Opens an account; a lost answer is looked up before it is asked again. */
  async open(name: string, mode: AccountMode): Promise<number> {
    const { network } = this.#world;
    for (;;) {
      const known = await network.read((state) =>
        [...state.accounts.values()].find((account) => account.name === name),
      );
      if (known !== undefined) {
        this.#accounts.push(known.number);
        return known.number;
      }
      await this.#world.life?.execute({ type: "open-account", name, mode });
    }
  }

  depositSoon(account: number, to: "available" | "bond"): void {
    this.#deposit(account, to).catch((error: Error) => this.#world.oracle.breach(`${error.stack}`));
  }

  async run(): Promise<void> {
    const { scheduler } = this.#world;
    while (!this.#world.isEnding) {
      await scheduler.wait(this.#random.between(8_000, 40_000));
      const what = this.#random.below(10);
      if (what < 5) await this.#deposit(this.#random.pick(this.#accounts), "available");
      else if (what === 5) await this.#deposit(this.#random.pick(this.#accounts), "bond");
      else if (what === 6) await this.#changePolicy();
      else if (what === 7) await this.#changeInstrument();
      else await this.#turnKeys();
    }
  }

  async #deposit(account: number, to: "available" | "bond"): Promise<void> {
    this.#references += 1;
    const reference = `wire-${this.#references}`;
    // Some accounts are kept short: what cannot be paid must be refused, not booked.
    const amountMicros = this.#random.oneIn(3) ? 20_000n : DEPOSIT_MICROS;
    const { network, tally, oracle } = this.#world;
    const booked = await network.insist({ type: "deposit", account, amountMicros, to, reference });
    if (booked?.ok !== true) return;
    this.#booked.set(reference, amountMicros);
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

  async #turnKeys(): Promise<void> {
    const { network, tally } = this.#world;
    const account = this.#random.pick(this.#accounts);
    this.#references += 1;
    const keyId = `key-${this.#references}`;
    await network.insist({ type: "add-api-key", account, keyId, secretHash: "x", label: "key" });
    const revoked = await network.insist({ type: "revoke-key", account, key: keyId });
    if (revoked?.ok === true) tally.hit("key revoked");
  }

  /** Every deposit that was confirmed is there, once, and nothing else came from outside. */
  #askForDeposits(): void {
    const state = this.#world.life?.state;
    if (state === undefined) return;
    let total = 0n;
    for (const digest of state.references.values()) total += BigInt(digest.split("|")[2] ?? "0");
    for (const reference of this.#booked.keys()) {
      if (!state.references.has(reference)) {
        this.#world.oracle.breach(`deposit ${reference} was confirmed and is not there`);
      }
    }
    const taken = -state.ledger.balance(WORLD);
    if (taken !== total) {
      this.#world.oracle.breach(`${taken} came from outside, the references say ${total}`);
    }
  }
}
