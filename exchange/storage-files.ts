/**
 * What opening the storage needs of a file system besides SQLite's: the machine's by default, a
 * simulated disk's in the simulation. Each throws what the system says.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";

export interface StorageFiles {
  /** Makes a folder for this user alone, unless it is there, which it may read and write. */
  useFolder(path: string): void;
  exists(path: string): boolean;
  /** Bytes of a file; null when there is none. A folder has some size. */
  sizeOf(path: string): number | null;
  isFolder(path: string): boolean;
  makeFolder(path: string): void;
  /** Over what has that name. */
  rename(from: string, to: string): void;
  /** A file, or a folder with what is in it; nothing when there is none. */
  remove(path: string): void;
}

export const nativeFiles: StorageFiles = {
  useFolder(path) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  },
  exists: existsSync,
  sizeOf: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? null,
  isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  makeFolder: (path) => void mkdirSync(path),
  rename: renameSync,
  remove: (path) => rmSync(path, { recursive: true, force: true }),
};
