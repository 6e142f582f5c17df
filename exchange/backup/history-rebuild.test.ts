import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { createTestMarket, DOLLAR, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";
import { openHistory } from "#exchange/history/history.ts";
import { encodeEvents } from "#exchange/journal/event-encoding.ts";
import { openStorage } from "#exchange/storage.ts";
import { rebuild } from "./commands.ts";

const root = mkdtempSync(join(tmpdir(), "gridspot-rebuild-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dir = "";
let count = 0;
/** What a history says of everybody, for comparison. */
function contents(): unknown {
  const history = openHistory(join(dir, "history.db"));
  const page = { limit: 100, direction: "asc", cursor: null } as const;
  const said = {
    ...{ seq: history.lastSeq, mark: history.journalMark },
    trades: history.publicTrades(SYMBOL, 100),
    accounts: [0, 1, 2].map((account) => [
      history.orders(account, {}, page),
      history.fills(account, {}, page),
      history.lots(account, {}, page),
      history.deliveries(account, {}, page),
      history.statement(account, 0, Date.UTC(2030, 0, 1)),
    ]),
  };
  history.close();
  return said;
}

beforeEach(async () => {
  count += 1;
  dir = join(root, `${count}`);
  const market = createTestMarket();
  const seller = market.supplier("seller").account;
  const buyer = market.account("buyer", 50_000_000n);
  market.ask(seller, DOLLAR, 5 * UNIT);
  const served = market.reserve(buyer, 1_000, 1_000);
  market.settle(served.delivery, 1_000, 500);
  const { journal, history } = await openStorage(dir);
  const { events } = market;
  const [firstSeq, lastSeq, atMs] = [1, events.length, events.at(-1)?.atMs ?? 0];
  await journal.append({ firstSeq, lastSeq, atMs, events: encodeEvents(events) });
  history.apply(events);
  history.close();
  await journal.close();
  // The second start binds the history to its journal.
  const again = await openStorage(dir);
  again.history.close();
  await again.journal.close();
});

test("a rebuilt history says what the old one said", () => {
  const before = contents();
  expect(rebuild(dir).join("\n")).toMatch(/built anew from \d+ events in/);
  expect(contents()).toEqual(before);
});

test("a damaged one is replaced, and nothing is left beside it", () => {
  const before = contents();
  writeFileSync(join(dir, "history.db"), "no database at all, and long enough to be read as one");
  rebuild(dir);
  expect(contents()).toEqual(before);
  expect(readdirSync(dir).filter((name) => name.startsWith("history.db."))).toEqual([]);
});

test("what an interrupted rebuild left is no part of the next", () => {
  const before = contents();
  writeFileSync(join(dir, "history.db.new"), "half");
  writeFileSync(join(dir, "history.db.new-wal"), "half");
  rebuild(dir);
  expect(contents()).toEqual(before);
});

test("a running exchange is not rebuilt under its feet", async () => {
  const { journal, history } = await openStorage(dir);
  try {
    expect(() => rebuild(dir)).toThrow(/in use.*stop it first/s);
    expect(existsSync(join(dir, "history.db.new"))).toBe(false);
  } finally {
    history.close();
    await journal.close();
  }
});

test("a history that knows more than the journal is kept, for it is the only witness", async () => {
  const history = openHistory(join(dir, "history.db"));
  const next = { type: "time-passed", version: 1, seq: history.lastSeq + 1, atMs: 0 } as const;
  history.apply([next]);
  history.close();
  expect(() => rebuild(dir)).toThrow(/the journal's end is lost/);
});

test("a directory without a journal is refused by name", () => {
  expect(() => rebuild(join(root, "nowhere"))).toThrow(/nowhere.*does not exist/);
});
