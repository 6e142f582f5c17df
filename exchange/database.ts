/**
 * What journal and history need of SQLite, and where it comes from: the machine's files by default,
 * the same SQLite over a simulated disk in the simulation.
 */
import { chmodSync } from "node:fs";
import Database from "better-sqlite3";

/** Wait for another process to let go of the file, e.g. one that is just closing. */
export const LOCK_WAIT_MS = 500;

export type SqliteDatabase = Pick<
  Database.Database,
  "exec" | "prepare" | "pragma" | "transaction" | "close"
>;

/** Opens a database file, or makes an empty one; holds no lock yet. Throws what SQLite says. */
export type OpenDatabase = (file: string) => SqliteDatabase;

/** A file of this machine, or `:memory:`. */
export const openNativeDatabase: OpenDatabase = (file) => {
  const db = new Database(file, { timeout: LOCK_WAIT_MS });
  // Balances and key hashes are in it; SQLite gives the files beside it the same mode.
  if (file !== ":memory:") chmodSync(file, 0o600);
  return db;
};
