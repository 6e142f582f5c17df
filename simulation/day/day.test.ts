import { beforeAll, describe, expect, test } from "vitest";
import type { CoreEvent } from "#exchange/core/events.ts";
import { Ledger } from "#exchange/core/ledger/ledger.ts";
import { DayBooks } from "./books.ts";
import { type Day, runDay } from "./day.ts";
import { reportOn } from "./report.ts";

/** Long enough for Lots to expire, a window to close and a supplier to be away. */
const HOURS = 5;

describe("hours of the whole market", () => {
  let day: Day;
  beforeAll(async () => {
    day = await runDay(1, HOURS);
  });

  test("leave every cent and every token accounted for", () => {
    const { lines, isGood } = reportOn(day, 1);
    expect(lines.filter((line) => /^FAILS|^ {2}\d\d:/.test(line))).toEqual([]);
    expect(isGood).toBe(true);
    expect(lines.filter((line) => line.startsWith("holds "))).toHaveLength(3);
  });

  test.each([
    ...["trade", "delivery-settled", "lot-expired", "lot-consumed", "cover-settled"],
    ...["supplier-charged", "window-closed", "supplier-paid", "orders-suspended"],
    ...["lots-offered", "lot-split", "units-transferred", "order-amended", "stops-triggered"],
    ...["order-terms-set", "lot-closed-out", "policy-adopted", "withdrawal-completed"],
  ])("meet %s", (type) => {
    expect(day.market.books.events.get(type)).toBeGreaterThan(0);
  });

  test("sweep at the points of the grid, and leave a supplier in default", () => {
    const { sweeps, books } = day.market;
    expect([...sweeps.keys()].map((atMs) => (atMs - day.startMs) / 3_600_000)).toEqual([4]);
    expect(books.total("owed")).toBeLessThan(0n);
  });

  test("are the same for the same seed", async () => {
    const again = await runDay(1, HOURS);
    expect(reportOn(again, 1).lines).toEqual(reportOn(day, 1).lines);
  });
});

describe("the second set of books", () => {
  const deposit = (amount: bigint): CoreEvent =>
    ({
      ...{ type: "funds-deposited", version: 1, seq: 1, atMs: 0, account: 1, to: "available" },
      ...{ amountMicros: amount, reference: "r", digest: "d" },
      postings: [{ kind: "move", from: "world", to: "1:avail", amount }],
    }) as CoreEvent;

  test("see a ledger that has another sum, and one that lacks an account", () => {
    const books = new DayBooks();
    books.take(deposit(5n));
    const ledger = new Ledger();
    expect(books.differences(ledger)).toEqual([
      "world: -5 is not in the ledger",
      "1:avail: 5 is not in the ledger",
    ]);
    ledger.apply([{ kind: "move", from: "world", to: "1:avail", amount: 4n }]);
    expect(books.differences(ledger)).toEqual([
      "world: the ledger has -4, the postings give -5",
      "1:avail: the ledger has 4, the postings give 5",
    ]);
  });

  test("see a hold that gives more than it has", () => {
    const books = new DayBooks();
    const posting = { kind: "post", hold: "bid1", to: "exch:fees", amount: 1n } as const;
    const event = { ...deposit(1n), postings: [posting] } as CoreEvent;
    expect(books.take(event)).toEqual(["bid1 was never held"]);
  });
});
