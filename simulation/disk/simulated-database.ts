/** The part of better-sqlite3's shape that journal and history use, over SQLite on simulated disks. */
import type { PreparedStatement, Database as WasmDatabase } from "@sqlite.org/sqlite-wasm";
import type { OpenDatabase, SqliteDatabase } from "#exchange/database.ts";
import { type SqliteOnDisks, VFS_NAME } from "./sqlite-vfs.ts";

type Row = Record<string, unknown>;
type Value = string | number | bigint | Uint8Array | null;

/** Opens databases, and can close all that one process left open. */
export interface SimulatedDatabases {
  openDatabase: OpenDatabase;
  closeAll(): void;
}

export function openOnDisks({ sqlite3 }: SqliteOnDisks): SimulatedDatabases {
  const open = new Set<SqliteDatabase>();

  /** Runs something of SQLite's; its errors carry a `code` by name, as better-sqlite3's do. */
  function coded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      const { resultCode } = error as { resultCode?: number };
      if (resultCode === undefined) throw error;
      const code = sqlite3.capi.sqlite3_js_rc_str(resultCode) ?? `SQLITE_${resultCode}`;
      throw Object.assign(new Error((error as Error).message), { code });
    }
  }

  function openDatabase(file: string): SqliteDatabase {
    const db = coded(() => new sqlite3.oo1.DB({ filename: file, vfs: VFS_NAME, flags: "c" }));
    coded(() => sqlite3.capi.sqlite3_extended_result_codes(db, 1));
    const statements: PreparedStatement[] = [];
    const database = {
      exec: (sql: string) => coded(() => db.exec(sql)),
      pragma(text: string, { simple = false } = {}) {
        const value = coded(() => db.selectValue(`PRAGMA ${text}`));
        return simple ? value : [{ value }];
      },
      prepare(sql: string) {
        const statement = coded(() => db.prepare(sql));
        statements.push(statement);
        return statementOver(statement, {
          coded,
          nameOf: (parameter) => sqlite3.capi.sqlite3_bind_parameter_name(statement, parameter),
          changes: () => sqlite3.capi.sqlite3_changes(db),
        });
      },
      transaction: (run: (...args: unknown[]) => unknown) => transactionOver(db, run, coded),
      close() {
        for (const statement of statements.splice(0)) statement.finalize();
        db.close();
        open.delete(database as unknown as SqliteDatabase);
      },
    };
    open.add(database as unknown as SqliteDatabase);
    return database as unknown as SqliteDatabase;
  }

  return {
    openDatabase,
    closeAll() {
      for (const database of open) database.close();
    },
  };
}

function transactionOver(
  db: WasmDatabase,
  run: (...args: unknown[]) => unknown,
  coded: <T>(run: () => T) => T,
): (...args: unknown[]) => unknown {
  return (...args) => {
    coded(() => db.exec("BEGIN"));
    try {
      const result = run(...args);
      coded(() => db.exec("COMMIT"));
      return result;
    } catch (error) {
      try {
        db.exec("ROLLBACK");
      } catch {
        // SQLite has rolled back by itself.
      }
      throw error;
    }
  };
}

function statementOver(
  statement: PreparedStatement,
  {
    coded,
    nameOf,
    changes,
  }: {
    coded: <T>(run: () => T) => T;
    nameOf: (parameter: number) => string | null;
    changes: () => number;
  },
) {
  let isPlucked = false;
  let columns: string[] | null = null;
  /** The parameters that are named, without their "@". */
  const names = Array.from({ length: statement.parameterCount }, (_, index) => index + 1)
    .map((parameter) => [parameter, nameOf(parameter)?.slice(1)] as const)
    .filter((each): each is [number, string] => each[1] !== undefined);
  const read = (): unknown => {
    if (isPlucked) return nodeValue(statement.get(0) as Value);
    const row: Row = {};
    columns ??= statement.getColumnNames([]) as string[];
    for (const [column, name] of columns.entries()) {
      row[name] = nodeValue(statement.get(column) as Value);
    }
    return row;
  };
  function start(args: unknown[]): void {
    statement.reset(true);
    const [first] = args;
    if (isNamed(first)) {
      for (const [parameter, name] of names) statement.bind(parameter, first[name] as never);
    } else if (args.length > 0) statement.bind(args as never);
  }
  const prepared = {
    pluck() {
      isPlucked = true;
      return prepared;
    },
    get: (...args: unknown[]) =>
      coded(() => {
        start(args);
        const row = statement.step() ? read() : undefined;
        statement.reset();
        return row;
      }),
    all: (...args: unknown[]) => [...prepared.iterate(...args)],
    run: (...args: unknown[]) =>
      coded(() => {
        start(args);
        statement.step();
        statement.reset();
        return { changes: changes() };
      }),
    *iterate(...args: unknown[]) {
      coded(() => start(args));
      try {
        while (coded(() => statement.step())) yield read();
      } finally {
        // Tells a failed step a second time.
        coded(() => statement.reset());
      }
    },
  };
  return prepared;
}

function isNamed(value: unknown): value is Row {
  return (
    typeof value === "object" &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    !Array.isArray(value)
  );
}

/** Blobs as Buffers, as better-sqlite3 gives them. */
function nodeValue(value: Value): unknown {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}
