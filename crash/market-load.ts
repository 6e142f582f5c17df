/** Everybody who uses the exchange while it is being killed: suppliers, traders, buyers, the operator. */
import { setTimeout as pause } from "node:timers/promises";
import { createIdentity } from "#protocol/signing.ts";
import { Random } from "#simulation/random.ts";
import { createBuyer } from "./buyer.ts";
import { Abandoned } from "./gate.ts";
import type { Door } from "./http-client.ts";
import type { OperatorClient } from "./operator-client.ts";
import { type Supplier, startSupplier } from "./supplier.ts";
import { createTrader, type Trader } from "./trader.ts";

const SYMBOL = "text-lite";
const ASK_PRICES = ["0.50", "0.52", "0.55"];
const TRADERS = 4;
const BUYERS = 3;
/** Loops of one trader and of one buyer. */
const LOOPS_EACH = 2;
/** Pause of a loop between two requests; keeps a trader under its rate limit. */
const PACE_MS = 15;
/** First deposit of everybody: ten thousand dollars. */
const FIRST_MICROS = 10_000_000_000n;

export interface MarketLoad {
  readonly traders: readonly Trader[];
  readonly suppliers: number;
  readonly suppliersLinked: number;
  /** Every trader and the operator look at what the exchange shows. */
  look(): Promise<void>;
  /** Ends the loops, each after its request was answered. The gate must be open or abandoned. */
  stop(): Promise<void>;
  /** Closes the suppliers. */
  close(): Promise<void>;
}

/** Opens the accounts and starts everybody; the loops wait at the gate. */
export async function startMarketLoad(
  { dataDir, seed }: { dataDir: string; seed: number },
  { door, operator }: { door: Door; operator: OperatorClient },
): Promise<MarketLoad> {
  let seeds = seed;
  const nextRandom = () => {
    seeds += 1;
    return new Random(seeds);
  };
  let stopping = false;
  const loops: Promise<void>[] = [];
  const suppliers: Supplier[] = [];
  const traders: Trader[] = [];

  for (const [at, price] of ASK_PRICES.entries()) {
    const name = `supplier-${at + 1}`;
    const account = await operator.openAccount(name, "advanced");
    await operator.deposit(account, FIRST_MICROS, "bond");
    // An ask that meets a bid at once pays a fee, and is refused to whoever has only a bond.
    await operator.deposit(account, FIRST_MICROS);
    const joinToken = await operator.joinToken(account);
    const options = { name, dataDir, url: door.url, joinToken, symbol: SYMBOL, price };
    suppliers.push(await startSupplier(options, { random: nextRandom() }));
  }
  const accounts: { id: string; number: number }[] = [];
  const work: (() => Promise<void>)[] = [];
  for (let at = 0; at < TRADERS; at += 1) {
    const account = await operator.openAccount(`trader-${at + 1}`, "advanced");
    const identity = createIdentity();
    await operator.deposit(account, FIRST_MICROS);
    await operator.signingKey(account, identity);
    accounts.push(account);
    const options = { account: account.number, symbol: SYMBOL, askPrice: 0.55 };
    const trader = createTrader(options, { door, identity, random: nextRandom() });
    traders.push(trader);
    for (let loop = 0; loop < LOOPS_EACH; loop += 1) work.push(() => trader.work());
  }
  for (let at = 0; at < BUYERS; at += 1) {
    const account = await operator.openAccount(`buyer-${at + 1}`, "easy");
    await operator.deposit(account, FIRST_MICROS);
    const apiKey = await operator.apiKey(account);
    accounts.push(account);
    for (let loop = 0; loop < LOOPS_EACH; loop += 1) {
      const buyer = createBuyer({ apiKey, symbol: SYMBOL }, { door, random: nextRandom() });
      work.push(() => buyer.work());
    }
  }
  const operatorRandom = nextRandom();
  work.push(() => operator.work(accounts, operatorRandom));

  async function loop(once: () => Promise<void>): Promise<void> {
    while (!stopping) {
      await door.gate.passed();
      await once();
      await pause(PACE_MS);
    }
  }
  const failed = (error: Error) => {
    if (!(error instanceof Abandoned)) door.notebook.fault(`a client ended: ${error.stack}`);
  };
  for (const once of work) loops.push(loop(once).catch(failed));

  return {
    traders,
    suppliers: suppliers.length,
    get suppliersLinked() {
      return suppliers.filter((supplier) => supplier.isLinked).length;
    },
    async look() {
      await operator.noteIntegrity();
      await Promise.all(traders.map((trader) => trader.look()));
    },
    async stop() {
      stopping = true;
      await Promise.all(loops);
    },
    async close() {
      await Promise.all(suppliers.map((supplier) => supplier.close()));
    },
  };
}
