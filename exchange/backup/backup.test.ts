/** Backup, restore and verify as an operator calls them, on an exchange that runs and on one that does not. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type ExchangeProcess,
  runToEnd,
  startExchange,
} from "#exchange/exchange-process.fixture.ts";
import { backUp, restore, verify } from "./commands.ts";

let root = "";
/** Data directory of an exchange that was killed, so that its log was never merged. */
let killed = "";
/** Backup that was made while it ran, before its last deposit. */
let backup = "";
let said = "";
let accountId: unknown;
let fresh = "";
let count = 0;
let running: ExchangeProcess | null = null;

const deposit = (exchange: ExchangeProcess, account_id: unknown, reference: string) =>
  exchange.operator("deposits", { account_id, amount: "10", reference });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "gridspot-backup-"));
  killed = join(root, "killed");
  backup = join(root, "first.journal");
  running = await startExchange(killed);
  accountId = (await running.operator("accounts", { name: "ada", mode: "easy" })).account_id;
  await deposit(running, accountId, "one");
  const made = await runToEnd(["backup", "--to", backup], killed);
  expect([made.code, made.stderr]).toEqual([0, ""]);
  said = made.stdout;
  // It goes on as if nothing had been.
  expect(await deposit(running, accountId, "two")).toEqual({ balance: "20.000000" });
  await running.end("SIGKILL");
});
afterAll(async () => {
  await running?.end("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  count += 1;
  fresh = join(root, `fresh-${count}`);
});

/** What both deposits come to, in an exchange on that directory; a repeated one adds nothing. */
async function balancesIn(dataDir: string): Promise<unknown[]> {
  // It is in no backup, and whoever restores puts it back.
  copyFileSync(join(killed, "exchange.key"), join(dataDir, "exchange.key"));
  const exchange = await startExchange(dataDir);
  try {
    const one = await deposit(exchange, accountId, "one");
    return [one, await deposit(exchange, accountId, "two")];
  } finally {
    await exchange.end("SIGTERM");
  }
}

function alter(file: string, statement: string): void {
  const db = new Database(file);
  db.exec(statement);
  db.close();
}

test("a backup of a running exchange is private, says what is in it, and leaves nothing beside it", () => {
  expect(said).toMatch(/first\.journal: \d+ events in \d+ batches, .* read back and proved/);
  expect(said).toContain("exchange.key");
  expect(statSync(backup).mode & 0o777).toBe(0o600);
  expect(readdirSync(root).filter((name) => name.startsWith("first"))).toEqual(["first.journal"]);
});

test("verify says so of what is sound, and leaves a backup as it was", async () => {
  const { mtimeMs } = statSync(backup);
  const { lines, isSound } = verify({ file: backup });
  expect([isSound, lines[0]]).toEqual([true, `${backup}: sound`]);
  expect(lines[2]).toContain("accounts: 1,");
  expect(statSync(backup).mtimeMs).toBe(mtimeMs);
  const own = await runToEnd(["verify"], killed);
  expect([own.code, own.stdout]).toEqual([0, expect.stringContaining("journal.db: sound")]);
});

test("a restore beside the exchange's key has nothing to say of it", () => {
  mkdirSync(fresh);
  copyFileSync(join(killed, "exchange.key"), join(fresh, "exchange.key"));
  expect(restore(backup, fresh).join("\n")).not.toContain("exchange.key");
});

test("a restored exchange has what the backup had; a stopped one gives a backup as well", async () => {
  const restored = await runToEnd(["restore", "--from", backup], fresh);
  expect([restored.code, restored.stderr]).toEqual([0, ""]);
  expect(restored.stdout).toContain(
    `${join(fresh, "exchange.key")} is missing: put the exchange's`,
  );
  // The second deposit came after the backup, so it is news to it.
  expect(await balancesIn(fresh)).toEqual([{ balance: "10.000000" }, { balance: "20.000000" }]);
  const again = join(fresh, "again.journal");
  expect((await backUp(fresh, again))[0]).toMatch(/snapshot: event \d+;/);
  const { lines, isSound } = verify({ file: again });
  expect([isSound, lines[1]]).toEqual([true, expect.stringContaining("snapshots: 1")]);
});

describe("refused in words:", () => {
  /** The backup, altered. */
  const copyOf = (name: string, statement: string) => {
    const file = join(root, name);
    const db = new Database(backup, { readonly: true });
    db.exec(`VACUUM INTO '${file}'`);
    db.close();
    alter(file, statement);
    return file;
  };
  const fileOf = (name: string, words: string) => {
    writeFileSync(join(root, name), words);
    return join(root, name);
  };
  const verified = (file: string) => verify({ file }).lines;

  test.each<[string, () => string[] | Promise<string[]>, string]>([
    ["a backup over a file", () => backUp(killed, backup), "is there already"],
    ["a backup into nowhere", () => backUp(killed, "/nowhere/a"), "backup to /nowhere/a failed"],
    ["a backup of nothing", () => backUp(fresh, join(root, "no")), "name the data directory"],
    ["a restore over an exchange", () => restore(backup, killed), "Move these files away"],
    ["verifying what is not there", () => verified(join(root, "no")), "does not exist"],
    ["verifying no journal", () => verified(fileOf("text", "words")), "file is not a database"],
    [
      "restoring a backup with an altered event",
      () =>
        restore(copyOf("altered", "UPDATE batches SET events = X'00' WHERE first_seq = 1"), fresh),
      "was altered",
    ],
    [
      "verifying a backup that lost its start",
      () => verified(copyOf("headless", "DELETE FROM batches WHERE first_seq = 1")),
      "event 1 is missing",
    ],
    [
      "verifying another version's backup",
      () => verified(copyOf("newer", "PRAGMA user_version = 99")),
      "has format 99, expected",
    ],
  ])("%s", async (_what, act, words) => {
    const told = await Promise.resolve()
      .then(act)
      .then(
        (lines) => lines.join("\n"),
        (error: Error) => error.message,
      );
    expect(told).toContain(words);
    expect(existsSync(fresh)).toBe(false);
    expect(readdirSync(root).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("on the command line as one message, with exit code 1", async () => {
    const bad = join(root, "bad.journal");
    writeFileSync(bad, "words");
    const { code, stdout, stderr } = await runToEnd(["verify", bad], fresh);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
