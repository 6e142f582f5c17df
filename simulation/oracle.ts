/**
 * What must hold of the exchange however it is treated: the invariants after every command, no event
 * that may not be, nothing acknowledged lost, and a recovered state that equals the one that was lived.
 */
import { createHash } from "node:crypto";
import type { Command, CommandType } from "#exchange/core/commands.ts";
import { createCore } from "#exchange/core/core.ts";
import type { Core, Executed } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { decodeEvents, encodeEvents } from "#exchange/journal/event-encoding.ts";
import { EventChecks } from "./event-checks.ts";
import { noteStates } from "./seen-states.ts";
import type { Tally } from "./tally.ts";

/** Breaches are kept up to here; the first ones tell the story. */
const BREACHES_MAX = 20;

export class Oracle {
  readonly breaches: string[] = [];
  readonly #tally: Tally;
  /** Applies what is durable, one event after another: the state as it must be recovered. */
  #shadow: Core = createCore();
  /** Events that live processes emitted after where the shadow stands. */
  #emitted: CoreEvent[] = [];
  #checks = new EventChecks(createCore().state);
  #acknowledgedSeq = 0;
  #watched: Core | null = null;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  breach(text: string): void {
    if (this.breaches.length < BREACHES_MAX) this.breaches.push(text);
  }

  /** A core that is watched after every command. */
  watch(core: Core): Core {
    this.#watched = core;
    return {
      get state() {
        return core.state;
      },
      apply: (event) => core.apply(event),
      snapshot: () => core.snapshot(),
      execute: (command, nowMs) => {
        let executed: Executed<typeof command.type>;
        try {
          executed = core.execute(command, nowMs);
        } catch (error) {
          this.breach(`${command.type} threw: ${(error as Error).message}`);
          throw error;
        }
        this.#look(core, command, executed);
        return executed;
      },
    };
  }

  #look<T extends CommandType>(core: Core, command: Command<T>, executed: Executed<T>): void {
    this.#tally.commands += 1;
    this.#tally.events += executed.events.length;
    noteStates(this.#tally, core.state, executed);
    for (const event of executed.events) {
      this.#emitted.push(event);
      for (const problem of this.#checks.see(event)) this.breach(problem);
    }
    if (executed.events.length === 0) return;
    for (const breach of invariantBreaches(core.state)) {
      this.breach(`after ${command.type} at event ${core.state.seq}: ${breach}`);
    }
  }

  /** Digest of the state that the last process lived; null when none started. */
  livedState(): string | null {
    return this.#watched === null ? null : digestOf(this.#watched);
  }

  /** Something that rests on event `seq` was told to somebody. */
  acknowledged(seq: number): void {
    this.#tally.acknowledged += 1;
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, seq);
  }

  /** A new process has recovered: holds its state against what was lived and acknowledged. */
  recovered(core: Core): void {
    const { seq } = core.state;
    const emittedSeq = this.#emitted.at(-1)?.seq ?? this.#shadow.state.seq;
    if (seq < this.#acknowledgedSeq) {
      this.breach(`events up to ${this.#acknowledgedSeq} were acknowledged, recovered were ${seq}`);
    }
    if (seq > emittedSeq) this.breach(`event ${seq} was recovered, and ${emittedSeq} was the last`);
    if (seq < emittedSeq) this.#tally.saw("unacknowledged events lost");
    else if (seq > this.#acknowledgedSeq) this.#tally.saw("unacknowledged events kept");
    for (const event of this.#emitted)
      if (event.seq <= seq) this.#shadow.apply(throughJournal(event));
    this.#emitted = [];
    if (digestOf(core) !== digestOf(this.#shadow)) {
      this.breach(`the state recovered at event ${seq} is not the one that was lived`);
    }
    for (const breach of invariantBreaches(core.state)) this.breach(`after recovery: ${breach}`);
    this.#checks = new EventChecks(core.state, this.#checks);
  }
}

/** The event as it comes back from the disk. */
function throughJournal(event: CoreEvent): CoreEvent {
  return decodeEvents(encodeEvents([event]))[0] as CoreEvent;
}

/** SHA-256 of the whole state. */
export function digestOf(core: Core): string {
  return createHash("sha256").update(core.snapshot()).digest("hex");
}
