/** A simulated world: a disk, a clock, an exchange that dies and starts again, and those who use it. */
import { createHash } from "node:crypto";
import { createCore } from "#exchange/core/core.ts";
import { startOperator } from "./actors/operator.ts";
import { startTrouble } from "./actors/trouble.ts";
import { damageAtRest } from "./damage.ts";
import { type Operation, SimulatedDisk } from "./disk/simulated-disk.ts";
import type { SqliteOnDisks } from "./disk/sqlite-vfs.ts";
import { ExchangeLife } from "./exchange-life.ts";
import { type FailAt, Faults } from "./faults.ts";
import { Network } from "./network.ts";
import { digestOf, Oracle } from "./oracle.ts";
import { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { defaultSettings, type WorldSettings } from "./settings.ts";
import { Tally } from "./tally.ts";

/** Midnight UTC of a day far from any edge. */
const START_MS = Date.UTC(2026, 10, 2);
/** What the world is given after its last minute to come to rest. */
const LAST_WORDS_MS = 60_000;

/** An end of the process at a time of the plan. */
export interface PlannedEnd {
  atMs: number;
  how: "killed" | "stopped";
}

export interface WorldOptions {
  seed: number;
  minutes: number;
  settings?: WorldSettings;
  /** Leaves out what befalls the machine by itself. */
  isQuiet?: boolean;
  /** In order of time. */
  plannedEnds?: readonly PlannedEnd[];
  /** Reports every operation of the disk. */
  isRecorded?: boolean;
  failAt?: FailAt | null;
}

export interface WorldReport {
  seed: number;
  digest: string;
  breaches: readonly string[];
  tally: Tally;
  /** Whether the failure that was asked for came about. */
  hasFailedAt: boolean;
  /** In order; empty unless asked for. */
  operations: readonly Operation[];
}

export class World {
  readonly sqlite: SqliteOnDisks;
  readonly settings: WorldSettings;
  readonly disk = new SimulatedDisk();
  readonly place: string;
  readonly scheduler = new Scheduler(START_MS);
  readonly tally = new Tally();
  readonly oracle = new Oracle(this.tally);
  readonly random: Random;
  readonly faults: Faults;
  readonly network: Network;
  /** The running process, or the last one. */
  life: ExchangeLife | null = null;
  isEnding = false;
  /** Asked once at the end: what must be there because somebody was told so. */
  readonly lastQuestions: (() => void)[] = [];
  readonly #options: WorldOptions;

  constructor(sqlite: SqliteOnDisks, options: WorldOptions) {
    this.#options = options;
    this.sqlite = sqlite;
    this.settings = options.settings ?? defaultSettings();
    this.place = sqlite.mount(this.disk);
    this.random = new Random(options.seed);
    const { disk, tally, scheduler } = this;
    this.faults = new Faults(disk, this.random.fork(), tally, () => scheduler.nowMs);
    if (options.isRecorded === true) disk.record = [];
    if (options.failAt) this.faults.failAt(options.failAt);
    this.network = new Network(this, this.random.fork());
  }

  /** Lives for its minutes, or until the first breach. */
  async run(): Promise<WorldReport> {
    const { seed, minutes, isQuiet = false, plannedEnds = [] } = this.#options;
    this.#spawn(this.#superviseExchange());
    this.#spawn(startOperator(this));
    if (!isQuiet) this.#spawn(startTrouble(this));
    this.#spawn(this.#endAsPlanned(plannedEnds));
    const untilMs = START_MS + minutes * 60_000;
    const isOver = () => this.oracle.breaches.length > 0;
    await this.scheduler.run(untilMs, isOver);
    if (!isOver()) await this.#comeToRest(untilMs);
    this.life?.end();
    this.life?.bury();
    this.sqlite.unmount(this.place);
    const tally = this.tally;
    tally.diskOperations = this.disk.operations;
    return {
      seed,
      digest: this.#digest(),
      breaches: this.oracle.breaches,
      tally,
      hasFailedAt: this.faults.hasFailedAt,
      operations: this.disk.record ?? [],
    };
  }

  /** No more trouble: the exchange starts once more and is asked for all that it ever said. */
  async #comeToRest(untilMs: number): Promise<void> {
    this.isEnding = true;
    await this.scheduler.run(untilMs + LAST_WORDS_MS, () => this.oracle.breaches.length > 0);
    this.life?.end();
    await this.scheduler.run(untilMs + 2 * LAST_WORDS_MS, () => this.life?.isOpen === true);
    if (this.life?.isOpen !== true) this.oracle.breach("the exchange does not start any more");
    else this.#askLastQuestions();
  }

  #askLastQuestions(): void {
    this.disk.isPaused = true;
    for (const question of this.lastQuestions) question();
    this.disk.isPaused = false;
  }

  async #superviseExchange(): Promise<void> {
    for (;;) {
      const life = new ExchangeLife(this);
      this.life = life;
      this.tally.lives += 1;
      if (this.tally.lives > 1) this.faults.enter("recovery");
      this.faults.beforeStart(this.isEnding || this.#options.isQuiet === true);
      const started = life.start(this.settings).catch((error: Error) => {
        const wasKilled = !life.isAlive || this.disk.isProcessDead;
        if (!wasKilled && !this.faults.explains(error)) {
          this.oracle.breach(`the exchange did not start: ${error.message}`);
        }
        life.end();
      });
      await Promise.race([started, life.died]);
      await life.died;
      await this.scheduler.wait(this.random.between(200, 3_000));
      life.bury();
      this.faults.betweenLives();
      this.disk.restart();
      if (!this.isEnding && this.#options.isQuiet !== true) await damageAtRest(this, this.random);
    }
  }

  async #endAsPlanned(ends: readonly PlannedEnd[]): Promise<void> {
    for (const { atMs, how } of ends) {
      await this.scheduler.wait(START_MS + atMs - this.scheduler.nowMs);
      const { life } = this;
      if (how === "killed") life?.end();
      else if (life?.isOpen === true) await Promise.race([life.stop(), life.died]);
    }
  }

  /** Runs an actor; what it throws is a mistake of the simulation. */
  #spawn(actor: Promise<void>): void {
    actor.catch((error: Error) => this.oracle.breach(`an actor failed: ${error.stack}`));
  }

  #digest(): string {
    const state = this.oracle.livedState();
    return createHash("sha256")
      .update(state === null ? digestOf(createCore()) : state)
      .update(JSON.stringify([this.tally, this.oracle.breaches]))
      .digest("hex");
  }
}
