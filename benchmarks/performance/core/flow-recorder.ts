/**
 * Records what a market is asked, so that the same commands at the same times can be run again on a
 * fresh core as often as a benchmark likes. Ids are counters of the state, so they come out the same.
 */
import { readFileSync } from "node:fs";
import type { Command, CommandResult, CommandType } from "#exchange/core/commands.ts";
import { createCore } from "#exchange/core/core.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { Random } from "#simulation/random.ts";

const config = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../config/${name}.json`, import.meta.url), "utf8"));

/** Midnight UTC: on the slot grid and the window grid. */
const START_MS = Date.UTC(2026, 10, 2);
export const SYMBOL = "text-lite";
const SUPPLIERS = 150;
const NODES_PER_SUPPLIER = 2;
const BUYERS = 250;
/** So much that neither runs out within a benchmark. */
const DEPOSIT_MICROS = 100_000_000_000n;
const CAPACITY_TOKENS = 4e13;
/** The pace of time: a hundred commands in a millisecond are 100,000/s. */
const COMMANDS_PER_MS = 100;

/** Commands and when each is run. The first `measuredFrom` only build the state. */
export interface CommandFlow {
  commands: Command[];
  atMs: Float64Array;
  measuredFrom: number;
  /** The state after the last command. */
  end: CoreState;
}

export class FlowRecorder {
  readonly random: Random;
  readonly suppliers: number[] = [];
  readonly buyers: number[] = [];
  readonly #core = createCore();
  readonly #commands: Command[] = [];
  readonly #atMs: number[] = [];
  #nowMs = START_MS;
  #measuredFrom = 0;

  /** Opens 400 accounts with money: suppliers with linked nodes, and buyers in that mode. */
  constructor(seed: number, buyerMode: "easy" | "advanced") {
    this.random = new Random(seed);
    this.run({ type: "adopt-policy", policy: config("policy") });
    for (const instrument of config("instruments"))
      this.run({ type: "list-instrument", instrument });
    for (let n = 0; n < SUPPLIERS; n += 1) this.suppliers.push(this.#supplier(n));
    for (let n = 0; n < BUYERS; n += 1) {
      const account = this.#buyer(`buyer ${n}`, buyerMode);
      this.#deposit(account, "available");
      this.buyers.push(account);
    }
  }

  get state(): CoreState {
    return this.#core.state;
  }

  /** Executes and records. Throws when the core refuses: a flow is made of what is accepted. */
  run<T extends CommandType>(command: Command<T>): CommandResult<T> {
    if (this.#commands.length % COMMANDS_PER_MS === 0) this.#nowMs += 1;
    const executed = this.#core.execute(command, this.#nowMs);
    if (!executed.ok) throw new Error(`${command.type}: ${executed.rejection.message}`);
    this.#commands.push(command as Command);
    this.#atMs.push(this.#nowMs);
    return executed.result;
  }

  /** Lets time pass before the next command. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }

  /** From the next command on, commands count. */
  startMeasuring(): void {
    this.#measuredFrom = this.#commands.length;
  }

  flow(): CommandFlow {
    return {
      commands: this.#commands,
      atMs: Float64Array.from(this.#atMs),
      measuredFrom: this.#measuredFrom,
      end: this.#core.state,
    };
  }

  #deposit(account: number, to: "available" | "bond"): void {
    const reference = `${to}-${account}`;
    this.run({ type: "deposit", account, amountMicros: DEPOSIT_MICROS, to, reference });
  }

  /** What it buys enters Consumption at once, whoever trades, so that Lots run out. */
  #buyer(name: string, mode: "easy" | "advanced"): number {
    return this.run({ type: "open-account", name, mode, autoTransfer: true }).account;
  }

  #supplier(n: number): number {
    const { account } = this.run({
      type: "open-account",
      name: `supplier ${n}`,
      mode: "advanced",
    });
    this.#deposit(account, "bond");
    this.#deposit(account, "available");
    const tokenHash = `token-${n}`;
    const expiresAtMs = this.#nowMs + 60_000;
    const nodesMax = NODES_PER_SUPPLIER;
    this.run({ type: "create-join-token", account, tokenHash, nodesMax, expiresAtMs });
    for (let at = 0; at < NODES_PER_SUPPLIER; at += 1) {
      const publicKey = `key-${n}-${at}`;
      const { node } = this.run({ type: "enrol-node", tokenHash, publicKey, name: `rack ${at}` });
      this.run({
        type: "connect-node",
        node,
        session: `session-${node}`,
        slots: 8,
        supplies: [{ symbol: SYMBOL, capacityTokens: CAPACITY_TOKENS }],
      });
    }
    return account;
  }
}
