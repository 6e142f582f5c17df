/**
 * SQLite's file system over simulated disks. This is the real SQLite, of the version that production
 * runs, built for WebAssembly by its makers; only the operating system under it is ours. The callbacks
 * are those of https://sqlite.org/c3ref/io_methods.html and .../vfs.html.
 */
import sqlite3InitModule, { type Sqlite3Static } from "@sqlite.org/sqlite-wasm";
import { type Operation, type SimulatedDisk, SimulatedFile } from "./simulated-disk.ts";

export const VFS_NAME = "simulated";

const LOCK_SHARED = 1;
const LOCK_RESERVED = 2;
const LOCK_PENDING = 3;
const LOCK_EXCLUSIVE = 4;

/** An open file of one connection. `disk` is null for SQLite's own temporary files. */
interface OpenFile {
  file: SimulatedFile;
  name: string;
  disk: SimulatedDisk | null;
}

export interface SqliteOnDisks {
  sqlite3: Sqlite3Static;
  /** Puts a disk into the file system; its files are `/<place>/<name>` from then on. */
  mount(disk: SimulatedDisk): string;
  unmount(place: string): void;
}

/** Loads SQLite and registers the file system. */
export async function loadSqliteOnDisks(): Promise<SqliteOnDisks> {
  const sqlite3 = await sqlite3InitModule();
  // It warns of every operation that fails, which is the point here.
  (sqlite3 as unknown as { config: { warn: () => void } }).config.warn = () => {};
  const { capi, wasm } = sqlite3;
  const disks = new Map<string, SimulatedDisk>();
  const opened = new Map<number, OpenFile>();
  let places = 0;

  const open = (pointer: unknown) => opened.get(pointer as number) as OpenFile;
  const diskOf = (path: string) => disks.get(path.split("/")[1] ?? "") ?? null;

  /** The error code that an operation's verdict stands for, or null to go on. */
  function refused(
    { disk, name }: OpenFile,
    operation: Operation,
    ioError: number,
    onDiskFull: () => void = () => {},
  ): number | null {
    const verdict = disk?.pass(operation, name) ?? null;
    if (verdict === null) return null;
    if (verdict !== "disk-full") return ioError;
    onDiskFull();
    return capi.SQLITE_FULL;
  }

  const ioMethods = {
    xClose(pointer: unknown) {
      const { file } = open(pointer);
      file.locks.delete(pointer as number);
      opened.delete(pointer as number);
      return 0;
    },
    xRead(pointer: unknown, into: never, count: number, offset: bigint) {
      const { file } = open(pointer);
      const code = refused(open(pointer), "read", capi.SQLITE_IOERR_READ);
      if (code !== null) return code;
      const heap = wasm.heap8u();
      const from = Number(offset);
      const there = Math.max(0, Math.min(count, file.size - from));
      heap.set(file.data.subarray(from, from + there), into);
      if (there === count) return 0;
      heap.fill(0, into + there, into + count);
      return capi.SQLITE_IOERR_SHORT_READ;
    },
    xWrite(pointer: unknown, source: number, count: number, offset: bigint) {
      const { file } = open(pointer);
      const bytes = wasm.heap8u().subarray(source, source + count);
      const code = refused(open(pointer), "write", capi.SQLITE_IOERR_WRITE, () => {
        // A disk fills in the middle of a write.
        file.write(Number(offset), bytes.subarray(0, count >> 1));
      });
      if (code !== null) return code;
      file.write(Number(offset), bytes);
      return 0;
    },
    xTruncate(pointer: unknown, size: bigint) {
      const code = refused(open(pointer), "truncate", capi.SQLITE_IOERR_TRUNCATE);
      if (code === null) open(pointer).file.truncate(Number(size));
      return code ?? 0;
    },
    xSync(pointer: unknown) {
      const { disk, file } = open(pointer);
      const code = refused(open(pointer), "sync", capi.SQLITE_IOERR_FSYNC);
      if (code === null) disk?.sync(file);
      return code ?? 0;
    },
    xFileSize(pointer: unknown, into: number) {
      wasm.poke(into, open(pointer).file.size, "i64");
      return 0;
    },
    xLock(pointer: unknown, level: number) {
      const { locks } = open(pointer).file;
      const highest = highestOther(locks, pointer as number);
      if (level === LOCK_SHARED && highest >= LOCK_PENDING) return capi.SQLITE_BUSY;
      if (level === LOCK_RESERVED && highest >= LOCK_RESERVED) return capi.SQLITE_BUSY;
      if (level === LOCK_EXCLUSIVE && highest >= LOCK_SHARED) {
        if (highest < LOCK_RESERVED) locks.set(pointer as number, LOCK_PENDING);
        return capi.SQLITE_BUSY;
      }
      locks.set(pointer as number, level);
      return 0;
    },
    xUnlock(pointer: unknown, level: number) {
      const { locks } = open(pointer).file;
      if (level === 0) locks.delete(pointer as number);
      else locks.set(pointer as number, level);
      return 0;
    },
    xCheckReservedLock(pointer: unknown, into: number) {
      const { locks } = open(pointer).file;
      const isReserved = highestOther(locks, pointer as number) >= LOCK_RESERVED;
      wasm.poke(into, isReserved ? 1 : 0, "i32");
      return 0;
    },
    xFileControl: () => capi.SQLITE_NOTFOUND,
    xSectorSize: () => 512,
    xDeviceCharacteristics: () => 0,
  };

  const ioStruct = new capi.sqlite3_io_methods();
  const vfsStruct = new capi.sqlite3_vfs();
  const vfsMethods = {
    xOpen(_vfs: number, name: number, pointer: number, flags: number, flagsOut: number) {
      const path = name === 0 ? "" : (wasm.cstrToJs(name) as string);
      const disk = diskOf(path);
      const entry = { file: new SimulatedFile(), name: path, disk };
      if (disk !== null) {
        if (disk.pass("open", path) !== null) return capi.SQLITE_CANTOPEN;
        entry.file = disk.open(path);
      }
      opened.set(pointer, entry);
      const struct = new capi.sqlite3_file(pointer);
      struct.$pMethods = ioStruct.pointer;
      struct.dispose();
      if (flagsOut !== 0) wasm.poke(flagsOut, flags, "i32");
      return 0;
    },
    xDelete(_vfs: number, name: number) {
      const path = wasm.cstrToJs(name) as string;
      const disk = diskOf(path);
      if (disk === null) return 0;
      if (disk.pass("delete", path) !== null) return capi.SQLITE_IOERR_DELETE;
      disk.files.delete(path);
      return 0;
    },
    xAccess(_vfs: number, name: number, _flags: number, into: number) {
      const path = wasm.cstrToJs(name) as string;
      wasm.poke(into, diskOf(path)?.files.has(path) === true ? 1 : 0, "i32");
      return 0;
    },
    xFullPathname(_vfs: number, name: number, count: number, into: number) {
      return wasm.cstrncpy(into, name, count) < count ? 0 : capi.SQLITE_CANTOPEN;
    },
    xGetLastError: () => 0,
    xSleep: () => 0,
    /** Fixed: what SQLite writes must not differ between two runs of one seed. */
    xRandomness(_vfs: number, count: number, into: number) {
      wasm.heap8u().fill(0x5a, into, into + count);
      return count;
    },
    xCurrentTime(_vfs: number, into: number) {
      wasm.poke(into, 2_461_000, "double");
      return 0;
    },
  };
  vfsStruct.$iVersion = 1;
  vfsStruct.$szOsFile = (
    capi.sqlite3_file as unknown as { structInfo: { sizeof: number } }
  ).structInfo.sizeof;
  vfsStruct.$mxPathname = 256;
  vfsStruct.$zName = wasm.allocCString(VFS_NAME, false);
  sqlite3.vfs.installVfs({
    io: { struct: ioStruct, methods: ioMethods },
    vfs: { struct: vfsStruct, methods: vfsMethods },
  } as never);

  return {
    sqlite3,
    mount(disk) {
      places += 1;
      disks.set(`disk${places}`, disk);
      return `/disk${places}`;
    },
    unmount(place) {
      disks.delete(place.slice(1));
    },
  };
}

function highestOther(locks: ReadonlyMap<number, number>, connection: number): number {
  let highest = 0;
  for (const [holder, level] of locks) {
    if (holder !== connection && level > highest) highest = level;
  }
  return highest;
}
