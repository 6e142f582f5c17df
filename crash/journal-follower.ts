/**
 * Reads the journal that a dead process left, between its death and the next start: proves what is
 * new, applies it to a core of its own and to the facts, and checks every promise and every view
 * that fell in between. Works on copies; the exchange's own files are never opened here.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { encodeState } from "#exchange/core/snapshot.ts";
import { decodeEvents } from "#exchange/journal/event-encoding.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { openSqliteStore } from "#exchange/journal/sqlite-store.ts";
import { recoverCore } from "#exchange/recovery.ts";
import { JournalFacts } from "./journal-facts.ts";
import type { Notebook, Seen } from "./notebook.ts";
import { brokenPromise, wasDoneBefore, wrongView } from "./promise-check.ts";

/** SQLite's files; its index of the WAL is memory only, since the exchange locks them exclusively. */
const JOURNAL_FILES = ["journal.db", "journal.db-wal"];

export interface Follower {
  readonly lastSeq: number;
  /** Views of the live process that were compared, by kind. */
  readonly compared: ReadonlyMap<Seen["what"], number>;
  readonly repeatsDoneBefore: number;
  readonly linksReplaced: number;
  /** What the replayed core has on an account of its ledger. */
  balance(account: string): bigint;
  /** Takes in what is new in a stopped exchange's directory; sentences for what is wrong. */
  follow(dataDir: string): string[];
  /** Everything from the first event: the chain, both ways to recover, every promise once more. */
  proveWhole(dataDir: string): Promise<string[]>;
}

/** Starts before the first event. `workDir` is for the copies; `onEvent` is told each event once. */
export function createFollower(
  workDir: string,
  notebook: Notebook,
  onEvent: (event: CoreEvent) => void = () => {},
): Follower {
  const core = createCore();
  const facts = new JournalFacts();
  const compared = new Map<Seen["what"], number>();
  let checkedPromises = 0;
  let reportedProblems = 0;
  let repeatsDoneBefore = 0;

  const stateHash = () => createHash("sha256").update(encodeState(core.state)).digest("hex");

  function copyOf(dataDir: string): string {
    const copy = join(workDir, "copy");
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(copy, { recursive: true });
    for (const name of JOURNAL_FILES) {
      if (existsSync(join(dataDir, name))) cpSync(join(dataDir, name), join(copy, name));
    }
    return copy;
  }

  function readNew(dataDir: string): void {
    const store = openSqliteStore(join(copyOf(dataDir), "journal.db"));
    try {
      store.prove({ fromSeq: facts.lastSeq, bytes: 0 });
      const views = notebook.takeSeen();
      const compare = () => {
        while (views[0] !== undefined && views[0].seq <= facts.lastSeq) {
          const view = views.shift() as Seen;
          const problem =
            view.seq === facts.lastSeq
              ? wrongView(view, facts, stateHash)
              : `a view at event ${view.seq} came after event ${facts.lastSeq} was read`;
          compared.set(view.what, (compared.get(view.what) ?? 0) + 1);
          if (problem !== null) facts.problems.push(problem);
        }
      };
      for (const batch of store.content.batchesAfter(facts.lastSeq)) {
        for (const event of decodeEvents(batch.events)) {
          if (event.seq <= facts.lastSeq) continue;
          compare();
          core.apply(event);
          facts.take(event);
          onEvent(event);
        }
      }
      compare();
      for (const { seq, what } of views) {
        facts.problems.push(
          `${what} was shown at event ${seq}, the journal ends at ${facts.lastSeq}`,
        );
      }
    } finally {
      store.close();
    }
  }

  return {
    compared,
    get lastSeq() {
      return facts.lastSeq;
    },
    get repeatsDoneBefore() {
      return repeatsDoneBefore;
    },
    get linksReplaced() {
      return facts.linksReplaced;
    },
    balance: (account) => core.state.ledger.balance(account),
    follow(dataDir) {
      readNew(dataDir);
      const problems = facts.problems.slice(reportedProblems);
      reportedProblems = facts.problems.length;
      if (notebook.seqTold > facts.lastSeq) {
        problems.push(
          `an answer named event ${notebook.seqTold}, the journal ends at ${facts.lastSeq}`,
        );
      }
      for (const promise of notebook.told.slice(checkedPromises)) {
        addIf(problems, brokenPromise(promise, facts));
        if (wasDoneBefore(promise, facts)) repeatsDoneBefore += 1;
      }
      checkedPromises = notebook.told.length;
      return [...problems, ...invariantBreaches(core.state)];
    },
    async proveWhole(dataDir) {
      const whole = new JournalFacts();
      // The whole chain, and every batch from the first one on.
      const journal = await openSqliteJournal(copyOf(dataDir), 0, { proveBytes: Infinity });
      let replayed: Core;
      let restored: Core;
      try {
        const { snapshot, batches, unreadable } = journal.recovered;
        restored = recoverCore({ snapshot, batches, unreadable });
        replayed = recoverCore({ snapshot: null, batches, unreadable }, (events) => {
          for (const event of events) whole.take(event);
        });
      } finally {
        await journal.close();
      }
      const problems = [...whole.problems, ...invariantBreaches(replayed.state)];
      const bytes = encodeState(replayed.state);
      if (encodeState(restored.state) !== bytes) {
        problems.push("recovery from the snapshot differs from recovery without one");
      }
      if (encodeState(core.state) !== bytes) {
        problems.push("the journal read in parts differs from the journal read as a whole");
      }
      for (const promise of notebook.told) addIf(problems, brokenPromise(promise, whole));
      return problems;
    },
  };
}

function addIf(problems: string[], problem: string | null): void {
  if (problem !== null) problems.push(problem);
}
