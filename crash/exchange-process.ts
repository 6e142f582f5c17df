/**
 * The exchange as the crash tests run it: `exchange/main.ts` itself, on a journal that says what it
 * is doing and can kill its process at a chosen point. Started with its options as JSON; loads, says
 * so, and opens nothing before a line on stdin tells it to go, so that one can wait beside another.
 */
import { writeSync } from "node:fs";
import type { Journal, Recovered } from "#exchange/journal/journal.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { runExchange } from "#exchange/main.ts";
import type { Go, ProcessOptions, Word } from "./exchange-words.ts";

/** How long the variant that acknowledges too early holds a batch back before it writes it. */
const EARLY_HELD_MS = 30;

const options = JSON.parse(process.argv[2] ?? "{}") as ProcessOptions;
let isStoring = false;
let timesLeft = 0;
let go: Go = { killAt: null };

/** Tells the parent, at once: what is said before the process dies has been said. */
function say(word: Word): void {
  writeSync(1, `${JSON.stringify({ crash: word })}\n`);
  const { killAt } = go;
  if (killAt === null) return;
  if (word === killAt.word) {
    timesLeft -= 1;
    if (timesLeft > 0) return;
    if (killAt.afterMs === 0) die();
    else setTimeout(() => dieIfStill(word), killAt.afterMs);
  } else if (killAt.word === "replaying" && word === "resuming") die();
}

/** A snapshot that was stored in time is not what was asked for: the next one is waited for. */
function dieIfStill(word: Word): void {
  if (word !== "snapshot-storing" || isStoring) die();
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("the process outlived its SIGKILL");
}

function watchedRecovered(recovered: Recovered): Recovered {
  function* batches() {
    for (const batch of recovered.batches) {
      say("replaying");
      yield batch;
    }
  }
  return {
    get snapshot() {
      return recovered.snapshot;
    },
    batches: { [Symbol.iterator]: batches },
    get unreadable() {
      return recovered.unreadable;
    },
    passOver: (why) => recovered.passOver(why),
  };
}

function watched(journal: Journal): Journal {
  let hasAppended = false;
  return {
    recovered: watchedRecovered(journal.recovered),
    get lastSeq() {
      return journal.lastSeq;
    },
    async append(batch) {
      const written = journal.append(batch);
      if (!hasAppended) say("resuming");
      hasAppended = true;
      await written;
    },
    async run(errand) {
      const running = journal.run(errand);
      if (errand.type === "save-snapshot-part" && !isStoring) {
        isStoring = true;
        say("snapshot-storing");
      }
      const result = await running;
      if (errand.type === "save-snapshot-header") {
        isStoring = false;
        say("snapshot-stored");
      }
      return result;
    },
    close: () => journal.close(),
  };
}

/** A journal with the defect that all this is there to find: it acknowledges what it has yet to write. */
function acknowledgingEarly(journal: Journal): Journal {
  let written: Promise<unknown> = Promise.resolve();
  const later = (write: () => Promise<void>) => {
    written = written
      .then(() => new Promise((resolve) => setTimeout(resolve, EARLY_HELD_MS)))
      .then(write);
    return Promise.resolve();
  };
  return {
    recovered: journal.recovered,
    get lastSeq() {
      return journal.lastSeq;
    },
    append: (batch) => later(() => journal.append(batch)),
    async run(errand) {
      await written;
      return journal.run(errand);
    },
    async close() {
      await written;
      await journal.close();
    },
  };
}

process.stdin.setEncoding("utf8");
process.stdin.once("data", (line) => {
  go = JSON.parse(String(line)) as Go;
  timesLeft = go.killAt?.times ?? 0;
  say("opening");
  void runExchange({
    env: {
      GRIDSPOT_DATA_DIR: options.dataDir,
      GRIDSPOT_PORT: String(options.port),
      GRIDSPOT_LOG_LEVEL: "info",
    },
    policyOf: (shipped) => ({ ...shipped, sla: { ...shipped.sla, ...options.sla } }),
    shellOptions: { eventsPerSnapshot: options.eventsPerSnapshot },
    async openJournal(dataDir, readModelSeq) {
      const journal = await openSqliteJournal(dataDir, readModelSeq);
      say("opened");
      return watched(options.acknowledgesEarly ? acknowledgingEarly(journal) : journal);
    },
  }).then(() => {
    // A start that failed: the open stdin would keep the process.
    if (process.exitCode !== undefined) process.exit();
  });
});
// Nobody is left to kill it: it must not outlive the harness.
process.stdin.on("end", () => process.exit(1));
say("loaded");
