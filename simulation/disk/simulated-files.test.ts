/** The machine's file system and the simulated one answer alike; and the storage opens on the latter. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nativeFiles, type StorageFiles } from "#exchange/storage-files.ts";
import { openSimulatedStorage } from "#simulation/storage.ts";
import { openOnDisks } from "./simulated-database.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { filesOn } from "./simulated-files.ts";
import { loadSqliteOnDisks, type SqliteOnDisks } from "./sqlite-vfs.ts";

const root = mkdtempSync(join(tmpdir(), "gridspot-files-"));
const disk = new SimulatedDisk();
let sqlite: SqliteOnDisks;
beforeAll(async () => {
  sqlite = await loadSqliteOnDisks();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const three = new Uint8Array([1, 2, 3]);
describe.each<[string, StorageFiles, string, (path: string) => void]>([
  ["this machine", nativeFiles, root, (path) => writeFileSync(path, three)],
  ["a simulated disk", filesOn(disk), "/disk1", (path) => disk.open(path).write(0, three)],
])("the files of %s", (_whose, files, folder, write) => {
  const at = (name: string) => `${folder}/${name}`;

  test("a file has a size, and takes the place of another by a rename", () => {
    files.useFolder(folder);
    expect([files.exists(at("a")), files.sizeOf(at("a")), files.isFolder(at("a"))]).toEqual([
      false,
      null,
      false,
    ]);
    write(at("a"));
    write(at("b"));
    files.rename(at("a"), at("b"));
    expect([files.exists(at("a")), files.sizeOf(at("b"))]).toEqual([false, 3]);
    files.remove(at("b"));
    files.remove(at("b"));
    expect(files.exists(at("b"))).toBe(false);
    expect(() => files.rename(at("a"), at("b"))).toThrow("ENOENT");
  });

  test("a folder is one, and goes as a file does", () => {
    files.makeFolder(at("folder"));
    expect([files.exists(at("folder")), files.isFolder(at("folder"))]).toEqual([true, true]);
    files.remove(at("folder"));
    expect(files.exists(at("folder"))).toBe(false);
  });
});

test("a damaged read model is set aside by the exchange's own opening, and the state is the same", async () => {
  const disk = new SimulatedDisk();
  const place = sqlite.mount(disk);
  const open = async () => {
    const databases = openOnDisks(sqlite);
    try {
      const storage = await openSimulatedStorage({ disk, place }, databases.openDatabase);
      return storage.notices;
    } finally {
      databases.closeAll();
    }
  };
  expect(await open()).toEqual([]);
  const name = `${place}/history.db`;
  disk.files.delete(`${name}-wal`);
  disk.open(name).data.fill(0x20, 0, 4_096);
  expect(await open()).toEqual([expect.stringContaining("built anew from the journal")]);
  expect(disk.files.has(`${name}.damaged`)).toBe(true);
  expect(await open()).toEqual([]);
  disk.files.delete(`${place}/journal.db`);
  await expect(open()).rejects.toThrow("journal.db is missing, but history.db");
  sqlite.unmount(place);
});

test("a rename on a disk that fails is refused as Node refuses it", () => {
  disk.open("/disk1/c");
  disk.gate = () => "io-error";
  expect(() => filesOn(disk).rename("/disk1/c", "/disk1/d")).toThrow("EIO");
  disk.gate = () => "disk-full";
  expect(() => filesOn(disk).makeFolder("/disk1/d")).toThrow("ENOSPC");
  disk.gate = () => null;
  expect([...disk.files.keys()]).toEqual(["/disk1/c"]);
});
