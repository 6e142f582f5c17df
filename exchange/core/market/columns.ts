/**
 * Columns of a table kept as one typed array per field: what fits in one, how it grows, and how the
 * rows in use go into a snapshot and come out again.
 */
import type { BookSnapshot } from "./order-book-port.ts";

export type Column = Int32Array | Float64Array | Uint8Array;

/** Whether an Int32Array keeps the value as it is, and the value is above zero. */
export function isInt32AboveZero(value: number): boolean {
  return value > 0 && (value | 0) === value;
}

/** Copies a column into a longer one and returns that. */
export function grown<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** The first `used` rows of each column, as plain lists. */
export function listsOf(columns: Record<string, Column>, used: number): Record<string, number[]> {
  const lists = Object.entries(columns).map(([name, column]) => [
    name,
    Array.from(column.subarray(0, used)),
  ]);
  return Object.fromEntries(lists);
}

/** A list of a snapshot. Throws when it is not there. */
export function listIn<Row = number>(snapshot: BookSnapshot, name: string): Row[] {
  const list = snapshot[name];
  if (Array.isArray(list)) return list;
  throw new Error(`book snapshot has no list "${name}"; it is cut short or of another version`);
}
