/** The market of a simulated day: the core itself, its events checked and its books kept a second time. */
import type { Command, CommandResult, CommandType } from "#exchange/core/commands.ts";
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { EventOf } from "#exchange/core/events.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { EventChecks } from "#simulation/event-checks.ts";
import { DayBooks } from "./books.ts";

/** Commands between two looks at all invariants, each of which walks the whole state. */
const COMMANDS_PER_LOOK = 500;
/** Told of a day; the first ones tell the story. */
const PROBLEMS_MAX = 12;

export class DayMarket {
  readonly books = new DayBooks();
  readonly problems: string[] = [];
  /** Accepted by kind of command, and refused by code. */
  readonly accepted = new Map<string, number>();
  readonly refused = new Map<string, number>();
  /** Lots and tokens that entered Consumption, by the point of the grid. */
  readonly sweeps = new Map<number, { lots: number; tokens: number }>();
  commands = 0;
  restarts = 0;
  nowMs: number;
  #core: Core = createCore();
  #checks = new EventChecks(this.#core.state);

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  get state(): CoreState {
    return this.#core.state;
  }

  /** Null when it was refused. */
  try<T extends CommandType>(command: Command<T>): CommandResult<T> | null {
    this.commands += 1;
    const done = this.#core.execute(command, this.nowMs);
    for (const event of done.events) {
      this.#note(this.#checks.see(event));
      this.#note(this.books.take(event));
      if (event.type === "units-transferred" && event.by === "sweep") this.#sweep(event);
    }
    if (this.commands % COMMANDS_PER_LOOK === 0) this.look();
    if (done.ok) {
      count(this.accepted, command.type);
      return done.result;
    }
    count(this.refused, done.rejection.code);
    return null;
  }

  /** The same, where a refusal is a mistake of the simulation. */
  run<T extends CommandType>(command: Command<T>): CommandResult<T> {
    const result = this.try(command);
    if (result === null) throw new Error(`${command.type} was refused`);
    return result;
  }

  /** Everything that is due by now. */
  catchUp(): void {
    while (this.run({ type: "tick" }).more) {}
  }

  /** The exchange was away: a new process from its snapshot, which must hold the same state. */
  restart(outageMs: number): void {
    const lastSeenMs = this.nowMs;
    const bytes = this.#core.snapshot();
    this.#core = restoreCore(bytes);
    if (Buffer.compare(this.#core.snapshot(), bytes) !== 0) {
      this.#note(["the state from the snapshot is not the state that was stored"]);
    }
    this.restarts += 1;
    this.nowMs += outageMs;
    this.run({ type: "resume", lastSeenMs });
  }

  /** All invariants, and our books against the ledger. */
  look(): void {
    this.#note(invariantBreaches(this.state));
    this.#note(this.books.differences(this.state.ledger));
  }

  #sweep({ enteredAtMs, lots, tokens }: EventOf<"units-transferred">): void {
    const atMs = enteredAtMs ?? this.nowMs;
    const sweep = this.sweeps.get(atMs) ?? { lots: 0, tokens: 0 };
    this.sweeps.set(atMs, { lots: sweep.lots + lots.length, tokens: sweep.tokens + tokens });
  }

  #note(problems: readonly string[]): void {
    const at = new Date(this.nowMs).toISOString().slice(11, 19);
    for (const problem of problems) {
      if (this.problems.length < PROBLEMS_MAX) this.problems.push(`${at} ${problem}`);
    }
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
