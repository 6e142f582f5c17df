/** Lists out of history: filters, cursors and both directions over one prepared statement per shape. */
import type { Statement } from "better-sqlite3";
import type { SqliteDatabase } from "#exchange/database.ts";

export const PAGE_LIMIT_MAX = 100;

/** Where a page starts: behind a cursor in reading order (`next`), or before it (`prev`). */
export type Cursor = { next: number } | { prev: number } | null;

export interface PageRequest {
  limit: number;
  direction: "asc" | "desc";
  cursor: Cursor;
}

export interface Page<T> {
  items: T[];
  /** More in the direction that was read. */
  hasMore: boolean;
  /** Pass as `next` or `prev`; null at that end. */
  nextCursor: number | null;
  prevCursor: number | null;
}

/** One condition: SQL with one `?`, and its value; a null value leaves the condition out. */
export type Condition = readonly [sql: string, value: string | number | null];

/** Lists rows of `source`, which must have a unique `position` column to order and page by. */
export function createListing<Row extends { position: number }>(
  db: SqliteDatabase,
  select: string,
  position: string,
): (conditions: readonly Condition[], request: PageRequest) => Page<Row> {
  const statements = new Map<string, Statement>();
  return (conditions, { limit, direction, cursor }) => {
    const back = cursor !== null && "prev" in cursor;
    const order = (direction === "asc") === back ? "DESC" : "ASC";
    const from = cursor === null ? null : "prev" in cursor ? cursor.prev : cursor.next;
    const used = [
      ...conditions,
      [`${position} ${order === "ASC" ? ">" : "<"} ?`, from] as const,
    ].filter(([, value]) => value !== null);
    const where = used.map(([sql]) => sql).join(" AND ");
    const sql = `${select} WHERE ${where} ORDER BY ${position} ${order} LIMIT ?`;
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    const found = statement.all(...used.map(([, value]) => value), limit + 1) as Row[];
    const hasMore = found.length > limit;
    const rows = found.slice(0, limit);
    if (back) rows.reverse();
    const first = rows[0]?.position ?? null;
    const last = rows.at(-1)?.position ?? null;
    return {
      items: rows,
      hasMore,
      nextCursor: hasMore || back ? last : null,
      prevCursor: (back ? hasMore : cursor !== null) ? first : null,
    };
  };
}
