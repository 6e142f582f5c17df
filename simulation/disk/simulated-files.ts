/** The file system calls of the exchange's own on a simulated disk. Names change at once and for good. */
import type { StorageFiles } from "#exchange/storage-files.ts";
import { type Operation, type SimulatedDisk, SimulatedFile } from "./simulated-disk.ts";

export function filesOn(disk: SimulatedDisk): StorageFiles {
  /** Throws, as Node does, when the disk refuses. */
  function pass(operation: Operation, path: string): void {
    const verdict = disk.pass(operation, path);
    if (verdict === null) return;
    const code = verdict === "disk-full" ? "ENOSPC" : "EIO";
    const words = verdict === "disk-full" ? "no space left on device" : "i/o error";
    throw Object.assign(new Error(`${code}: ${words}, ${operation} '${path}'`), { code });
  }

  return {
    // A disk's place is there from the start.
    useFolder: () => {},
    exists: (path) => disk.files.has(path),
    sizeOf: (path) => disk.files.get(path)?.size ?? null,
    isFolder: (path) => disk.files.get(path)?.isFolder === true,
    makeFolder(path) {
      pass("make-folder", path);
      const folder = new SimulatedFile();
      folder.isFolder = true;
      folder.isNameDurable = true;
      disk.files.set(path, folder);
    },
    rename(from, to) {
      pass("rename", from);
      const file = disk.files.get(from);
      if (file === undefined) throw new Error(`ENOENT: no such file, rename '${from}'`);
      disk.files.delete(from);
      disk.files.set(to, file);
    },
    remove(path) {
      if (!disk.files.has(path)) return;
      pass("delete", path);
      disk.files.delete(path);
    },
  };
}
