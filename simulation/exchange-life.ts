/**
 * One life of the exchange's process: the real journal, history, recovery, core and shell, started as
 * `exchange/app.ts` starts them, on a simulated disk and in virtual time, until something ends it.
 */
import type { Command, CommandType } from "#exchange/core/commands.ts";
import type { CoreState } from "#exchange/core/state.ts";
import type { Defer } from "#exchange/group-commit.ts";
import type { History } from "#exchange/history/history.ts";
import { type InvariantWatch, watchInvariants } from "#exchange/invariant-watch.ts";
import { createShell, type Ticker } from "#exchange/journaled-shell.ts";
import { startMarket } from "#exchange/market-start.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";
import { followerInTurns } from "#exchange/snapshots/follower.ts";
import { inProcessWriter } from "./disk/in-process-writer.ts";
import { openOnDisks, type SimulatedDatabases } from "./disk/simulated-database.ts";
import type { WorldSettings } from "./settings.ts";
import { openSimulatedStorage } from "./storage.ts";
import type { World } from "./world.ts";

/** Of a snapshot that was whole and no good. */
const UNSOUND = /cannot be restored|does not go with|disorder/;

export class ExchangeLife {
  isAlive = true;
  /** Resolves when the process is gone. */
  readonly died: Promise<void>;
  /** Open for requests: recovered and past its first commands. */
  isOpen = false;
  readonly #world: World;
  readonly #databases: SimulatedDatabases;
  #shell: Shell | null = null;
  #history: History | null = null;
  #watch: InvariantWatch | null = null;
  #writerFreeAtMs = 0;
  #tellDeath: () => void = () => {};

  constructor(world: World) {
    this.#world = world;
    this.#databases = openOnDisks(world.sqlite);
    this.died = new Promise((resolve) => {
      this.#tellDeath = resolve;
    });
  }

  /** Starts as the real process does. Throws what would end it with a message. */
  async start(settings: WorldSettings): Promise<void> {
    const { oracle, tally, scheduler, faults } = this.#world;
    const { openDatabase } = this.#databases;
    const storage = await openSimulatedStorage(this.#world, openDatabase, {
      proveBytes: settings.proveBytes,
      startWriter: (data) => {
        const writer = inProcessWriter(data, openDatabase, (run, message) => {
          const errand = message.type === "errand" ? message.errand.type : null;
          this.#whenWritten(() => faults.during(errand, run));
        });
        return {
          ask: (message) => {
            if (message.type === "errand") {
              faults.beforeErrand(message.errand.type);
            }
            return writer.ask(message);
          },
        };
      },
    });
    const { journal, core, history, notices } = storage;
    this.#history = history;
    faults.enter("journal");
    const { snapshot, unreadable } = journal.recovered;
    if (unreadable.length > 0) tally.saw("newest snapshot passed over");
    // A disk can take a snapshot, but not give it other contents: that was written so.
    for (const why of unreadable) if (UNSOUND.test(why)) oracle.breach(why);
    tally.saw(snapshot === null ? "recovered without a snapshot" : "recovered from a snapshot");
    // Nothing damages the read model between two lives but what may befall the journal as well.
    const rebuilt = notices.find((notice) => notice.includes("built anew"));
    if (rebuilt !== undefined) oracle.breach(rebuilt);
    if (!this.isAlive) throw new Error("killed while starting");
    oracle.recovered(core);
    if (history.lastSeq !== core.state.seq) {
      oracle.breach(`history stands at ${history.lastSeq}, the journal at ${core.state.seq}`);
    }
    const ticker: Ticker = (run, everyMs) => this.#tickEvery(run, everyMs);
    const defer: Defer = (run) => this.#later(0, run);
    this.#shell = createShell(
      {
        commandsUnsyncedMax: settings.commandsUnsyncedMax,
        eventsPerSnapshot: settings.eventsPerSnapshot,
        tickMs: settings.tickMs,
      },
      {
        core: oracle.watch(core),
        journal,
        clock: {
          nowMs: () => scheduler.nowMs + faults.clockErrorMs,
          monotonicMs: () => scheduler.nowMs,
        },
        onFatal: (error) => this.#fatal(error),
        defer,
        startFollower: followerInTurns(defer),
        onMissedSnapshot: (error) => oracle.breach(`no snapshot: ${error.message}`),
        ticker,
      },
    );
    this.#watch = watchInvariants(
      { rowsPerSlice: settings.rowsPerSlice },
      {
        shell: this.#shell,
        log: { fatal: (record, message) => oracle.breach(`${message}: ${JSON.stringify(record)}`) },
        ticker,
        defer,
      },
    );
    this.#shell.subscribe((events) => history.apply(events));
    await this.#orDeath(startMarket(this.#shell, settings));
    this.isOpen = true;
  }

  /** Executes; resolves when the outcome may be told, never if the process dies before. */
  async execute<T extends CommandType>(command: Command<T>): Promise<Outcome<T>> {
    if (!this.isOpen) return never();
    const { oracle, tally } = this.#world;
    const askedAtSeq = oracle.toldSeq;
    const submitted = this.#open().submit(command);
    await this.#orDeath(submitted.released);
    const { outcome } = submitted;
    if (!outcome.ok && outcome.rejection.code === "overloaded") {
      tally.saw("overload refused");
    } else oracle.answered(command.type, outcome.seq, askedAtSeq);
    return outcome;
  }

  /**
   * Reads as the APIs do, which tell the commit sequence with what they show; never resolves if the
   * process dies before that is durable.
   */
  async read<T>(view: (state: CoreState) => T): Promise<{ seq: number; shown: T }> {
    if (!this.isOpen) return never();
    const { oracle, tally, scheduler } = this.#world;
    const askedAtSeq = oracle.toldSeq;
    const askedAtMs = scheduler.nowMs;
    const answer = await this.#orDeath(
      this.#open().read((state) => ({ seq: state.seq, shown: view(state) })),
    );
    if (scheduler.nowMs > askedAtMs) tally.saw("read waited for the disk");
    oracle.answered("a read", answer.seq, askedAtSeq);
    return answer;
  }

  /** Reads something whose answer the oracle can compute again. */
  async look(view: (state: CoreState) => string): Promise<void> {
    const { seq, shown } = await this.read(view);
    this.#world.oracle.shown({ seq, view, text: shown });
  }

  /** The live state, for questions that nobody outside asks. */
  get state(): CoreState {
    return this.#open().state;
  }

  get history(): History | null {
    return this.#history;
  }

  /** Stops in order, as on SIGTERM. */
  async stop(): Promise<void> {
    this.isOpen = false;
    this.#watch?.close();
    await this.#shell?.close();
    this.#history?.close();
    this.end();
  }

  /** The process is gone at once; what it was doing has no further effect. */
  end(): void {
    this.isAlive = false;
    this.isOpen = false;
    this.#world.disk.isProcessDead = true;
    this.#tellDeath();
  }

  /** Frees what the dead process had open. */
  bury(): void {
    this.#databases.closeAll();
  }

  #open(): Shell {
    if (!this.isOpen || this.#shell === null) throw new Error("the exchange is not open");
    return this.#shell;
  }

  #fatal(error: Error): void {
    // A disk that failed ends the process, as it should; anything else is a bug.
    if (!this.#world.disk.isProcessDead && !this.#world.faults.explains(error)) {
      this.#world.oracle.breach(`the process ended by itself: ${error.message}`);
    }
    this.end();
  }

  /** Never settles once the process is dead: nobody is there to go on. */
  #orDeath<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.isAlive && resolve(value),
        (error) => this.isAlive && reject(error),
      );
    });
  }

  #later(delayMs: number, run: () => void): void {
    this.#world.scheduler.after(delayMs, () => {
      if (!this.isAlive) return;
      run();
      if (this.#world.disk.isProcessDead) this.end();
    });
  }

  /** The writer does one thing after another, each in the time that the disk takes. */
  #whenWritten(run: () => void): void {
    const { nowMs } = this.#world.scheduler;
    const startMs = Math.max(nowMs, this.#writerFreeAtMs);
    this.#writerFreeAtMs = startMs + this.#world.faults.writeMs();
    this.#later(this.#writerFreeAtMs - nowMs, run);
  }

  #tickEvery(run: () => void, everyMs: number): () => void {
    let isStopped = false;
    const next = () => {
      this.#later(everyMs, () => {
        if (isStopped) return;
        run();
        next();
      });
    };
    next();
    return () => {
      isStopped = true;
    };
  }
}

/** Asked of a process that is gone: no answer, not even a refusal. */
function never<T>(): Promise<T> {
  return new Promise(() => {});
}
