/**
 * Statements: for each account, what came and went on each UTC day, by place and by kind of event.
 * Sums, not entries: a busy buyer's day is some ten rows however many requests it made, and what each
 * was for stands in trades, transfers and deliveries. They are made of the events' postings alone, so
 * a statement's closing figures are the ledger's, to the micro-dollar and the token.
 */
import type { CoreEvent, EventType } from "#exchange/core/events.ts";
import type { Posting } from "#exchange/core/ledger/ledger.ts";
import type { SqliteDatabase } from "#exchange/database.ts";
import {
  type LedgerPlace,
  type NumberedThings,
  type Place,
  placeOfAccount,
  placeOfHold,
} from "./ledger-places.ts";

const DAY_MS = 86_400_000;

/** What one kind of event moved in one place of an account, on one day or over several. */
export interface StatementLine {
  /** USD in micro-dollars, or an instrument's symbol in tokens. */
  asset: string;
  place: Place;
  kind: EventType;
  movements: number;
  cameIn: bigint;
  wentOut: bigint;
}

/** A place's balance before the first day and after the last. */
export interface StatementBalance {
  asset: string;
  place: Place;
  opening: bigint;
  closing: bigint;
}

export interface Statement {
  account: number;
  /** UTC days, `2026-11-25`, both included. */
  fromDay: string;
  toDay: string;
  balances: StatementBalance[];
  lines: StatementLine[];
}

interface Sum {
  movements: bigint;
  cameIn: bigint;
  wentOut: bigint;
}

/** Sums postings up in memory and adds them to the table when it is flushed. */
export function createStatementDays(db: SqliteDatabase, things: NumberedThings) {
  const add = db.prepare(`INSERT INTO statement_days VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET movements = movements + excluded.movements,
      came_in = came_in + excluded.came_in, went_out = went_out + excluded.went_out`);
  /** By account, day, asset, place and kind, joined. */
  const sums = new Map<string, Sum>();

  function count({ account, asset, place }: LedgerPlace, event: CoreEvent, amount: bigint): void {
    const day = Math.floor(event.atMs / DAY_MS);
    const key = `${account} ${day} ${asset} ${place} ${event.type}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { movements: 0n, cameIn: 0n, wentOut: 0n };
      sums.set(key, sum);
    }
    sum.movements += 1n;
    if (amount > 0n) sum.cameIn += amount;
    else sum.wentOut -= amount;
  }

  return {
    /** Counts what an event moved. Holds and their release move nothing. */
    project(event: CoreEvent): void {
      for (const posting of postingsOf(event)) {
        if (posting.kind !== "move" && posting.kind !== "post") continue;
        const from =
          posting.kind === "move"
            ? placeOfAccount(posting.from, things)
            : placeOfHold(posting.hold, things);
        count(from, event, -posting.amount);
        count(placeOfAccount(posting.to, things), event, posting.amount);
      }
    },
    flush(): void {
      for (const [key, { movements, cameIn, wentOut }] of sums) {
        const [account, day, ...names] = key.split(" ");
        add.run(Number(account), Number(day), ...names, movements, cameIn, wentOut);
      }
      sums.clear();
    },
    forget: () => sums.clear(),
  };
}

function postingsOf(event: CoreEvent): readonly Posting[] {
  return "postings" in event ? event.postings : [];
}

/** Asks for statements. Days are UTC days since the epoch, `toDay` included. */
export function createStatementQuery(db: SqliteDatabase) {
  // As text: sums may be more than a JavaScript number holds exactly.
  const balances = db.prepare(
    `SELECT asset, place,
       CAST(SUM(CASE WHEN day < @fromDay THEN came_in - went_out ELSE 0 END) AS TEXT) AS opening,
       CAST(SUM(came_in - went_out) AS TEXT) AS closing
     FROM statement_days WHERE account = @account AND day <= @toDay
     GROUP BY asset, place ORDER BY asset, place`,
  );
  const lines = db.prepare(
    `SELECT asset, place, kind, SUM(movements) AS movements,
       CAST(SUM(came_in) AS TEXT) AS cameIn, CAST(SUM(went_out) AS TEXT) AS wentOut
     FROM statement_days WHERE account = @account AND day BETWEEN @fromDay AND @toDay
     GROUP BY asset, place, kind ORDER BY asset, place, kind`,
  );
  return (account: number, fromMs: number, toMs: number): Statement => {
    const [fromDay, toDay] = [Math.floor(fromMs / DAY_MS), Math.floor(toMs / DAY_MS)];
    const wish = { account, fromDay, toDay };
    return {
      account,
      fromDay: dayName(fromDay),
      toDay: dayName(toDay),
      balances: (balances.all(wish) as InText<StatementBalance>[]).map((balance) => ({
        ...balance,
        opening: BigInt(balance.opening),
        closing: BigInt(balance.closing),
      })),
      lines: (lines.all(wish) as InText<StatementLine>[]).map((line) => ({
        ...line,
        cameIn: BigInt(line.cameIn),
        wentOut: BigInt(line.wentOut),
      })),
    };
  };
}

/** As it comes out of the table. */
type InText<T> = { [K in keyof T]: T[K] extends bigint ? string : T[K] };

const dayName = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
