/**
 * Columns of a table kept as one typed array per field: what fits in one, how it grows and moves, and
 * how the rows in use go into a snapshot and come out again.
 */
import type { BookSnapshot } from "./order-book-port.ts";

export type Column = Int32Array | Float64Array;

/** Fewer rows are moved one by one; a call of `copyWithin` costs about as much as these. */
const ROWS_MOVED_SINGLY_MAX = 32;

/** Whether an Int32Array keeps the value as it is, and the value is above zero. */
export function isInt32AboveZero(value: number): boolean {
  return value > 0 && (value | 0) === value;
}

/** Copies a column into a longer one and returns that. */
export function grown<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** Moves the rows from `at` up to but not including `end` back by one, over what is in `end`. */
export function openRow(column: Int32Array, at: number, end: number): void {
  if (end - at > ROWS_MOVED_SINGLY_MAX) column.copyWithin(at + 1, at, end);
  else for (let row = end; row > at; row -= 1) column[row] = column[row - 1] as number;
}

/** Moves the rows after `at`, up to but not including `end`, forward by one, over what is in `at`. */
export function closeRow(column: Int32Array, at: number, end: number): void {
  if (end - at > ROWS_MOVED_SINGLY_MAX) column.copyWithin(at, at + 1, end);
  else for (let row = at + 1; row < end; row += 1) column[row - 1] = column[row] as number;
}

/** The first `used` rows of each column, as plain lists. */
export function listsOf(columns: Record<string, Column>, used: number): Record<string, number[]> {
  const lists = Object.entries(columns).map(([name, column]) => [
    name,
    Array.from(column.subarray(0, used)),
  ]);
  return Object.fromEntries(lists);
}

/** Fills the columns from a snapshot's lists. Throws when one is missing or has not `used` rows. */
export function fillColumns(
  columns: Record<string, Column>,
  snapshot: BookSnapshot,
  used: number,
): void {
  for (const [name, column] of Object.entries(columns)) {
    const list = listIn(snapshot, name);
    if (list.length !== used) {
      throw new Error(`book snapshot has ${list.length} rows of "${name}", expected ${used}`);
    }
    column.set(list);
  }
}

/** A list of a snapshot. Throws when it is not there. */
export function listIn(snapshot: BookSnapshot, name: string): number[] {
  const list = snapshot[name];
  if (Array.isArray(list)) return list;
  throw new Error(`book snapshot has no list "${name}"; it is cut short or of another version`);
}
