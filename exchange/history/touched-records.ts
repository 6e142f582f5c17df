/**
 * Records of a table by number: those that a portion touches are read once, changed in memory and
 * written once, so that a large portion costs one row write per order, not per fill.
 */
import type { SqliteDatabase } from "#exchange/database.ts";
import { decodeRecord } from "./records.ts";

export class TouchedRecords<T extends { number: number }> {
  readonly #table: string;
  readonly #select: ReturnType<SqliteDatabase["prepare"]>;
  readonly #touched = new Map<number, T>();

  constructor(db: SqliteDatabase, table: string) {
    this.#table = table;
    this.#select = db.prepare(`SELECT body FROM ${table} WHERE number = ?`).pluck();
  }

  /** The record, to change; it counts as touched from now on. */
  find(number: number): T | null {
    const known = this.#touched.get(number);
    if (known !== undefined) return known;
    const body = this.#select.get(number) as string | undefined;
    if (body === undefined) return null;
    const record = decodeRecord<T>(body);
    this.#touched.set(number, record);
    return record;
  }

  get(number: number): T {
    const record = this.find(number);
    if (record === null) throw new Error(`history has no ${this.#table} row ${number}`);
    return record;
  }

  put(record: T): void {
    this.#touched.set(record.number, record);
  }

  /** All that was touched, which is forgotten with that. */
  take(): T[] {
    const all = [...this.#touched.values()];
    this.#touched.clear();
    return all;
  }
}
