/**
 * A disk that forgets. What was written is seen at once, as in a page cache, and is kept through a
 * power cut only once it was synced; until then each write may be lost, kept, torn or come out of
 * order. Every operation passes a gate, where a test can make it fail or end the process.
 */
import type { Random } from "#simulation/random.ts";
import { type Fate, tearWrite } from "./power-cut.ts";

export type Operation =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "delete"
  | "rename"
  | "make-folder";
/** What the gate says of an operation: it fails with an error of the disk, or the process dies in it. */
export type Verdict = "io-error" | "disk-full" | "killed" | null;
export type Gate = (operation: Operation, file: string) => Verdict;

/** One change that is not on the platter yet, and how to take it back. */
interface Change {
  offset: number;
  /** Null for a truncation. */
  bytes: Uint8Array | null;
  before: Uint8Array;
  sizeBefore: number;
  sizeAfter: number;
}

const SECTOR_BYTES = 512;

/** A file of the disk. `data` may be longer than `size`. */
export class SimulatedFile {
  data: Uint8Array = new Uint8Array(0);
  size = 0;
  /** In order; empty after a sync. */
  unsynced: Change[] = [];
  isFolder = false;
  /** Whether its name is in the directory on the platter. */
  isNameDurable = false;
  /** Connections that hold a lock, by level. */
  readonly locks = new Map<number, number>();

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    const change: Change = {
      offset,
      bytes: bytes.slice(),
      before: this.data.slice(offset, Math.min(end, this.size)),
      sizeBefore: this.size,
      sizeAfter: Math.max(this.size, end),
    };
    this.unsynced.push(change);
    this.#apply(change);
  }

  truncate(size: number): void {
    if (size >= this.size) return;
    const change: Change = {
      offset: size,
      bytes: null,
      before: this.data.slice(size, this.size),
      sizeBefore: this.size,
      sizeAfter: size,
    };
    this.unsynced.push(change);
    this.#apply(change);
  }

  #apply({ offset, bytes, sizeAfter }: Change): void {
    if (sizeAfter > this.data.length) {
      const longer = new Uint8Array(Math.max(sizeAfter, this.data.length * 2, 65_536));
      longer.set(this.data.subarray(0, this.size));
      this.data = longer;
    }
    if (bytes === null) this.data.fill(0, sizeAfter, this.size);
    else this.data.set(bytes, offset);
    this.size = sizeAfter;
  }

  /** Takes the unsynced changes back and lets those happen that `fate` leaves, as it leaves them. */
  settle(fate: Fate, random: Random): void {
    const changes = this.unsynced;
    this.unsynced = [];
    for (const { offset, before, sizeBefore, sizeAfter } of changes.toReversed()) {
      if (sizeAfter > sizeBefore) this.data.fill(0, sizeBefore, sizeAfter);
      this.data.set(before, offset);
      this.size = sizeBefore;
    }
    changes.forEach((change, index) => {
      const share = fate(index, changes.length);
      if (share === "lost") return;
      if (share === "whole" || change.bytes === null) {
        this.#apply({ ...change, sizeAfter: this.#sizeAfter(change) });
        return;
      }
      const bytes = tearWrite(change.bytes, share, random, SECTOR_BYTES);
      if (bytes.length === 0) return;
      this.#apply({
        ...change,
        bytes,
        sizeAfter: Math.max(this.size, change.offset + bytes.length),
      });
    });
  }

  #sizeAfter({ offset, bytes, sizeAfter }: Change): number {
    return bytes === null
      ? Math.min(this.size, sizeAfter)
      : Math.max(this.size, offset + bytes.length);
  }

  copy(): SimulatedFile {
    const file = new SimulatedFile();
    file.isFolder = this.isFolder;
    file.data = this.data.slice(0, this.size);
    file.size = this.size;
    file.isNameDurable = true;
    return file;
  }
}

export class SimulatedDisk {
  readonly files = new Map<string, SimulatedFile>();
  gate: Gate = () => null;
  /** The process is gone: nothing it still asks for has any effect. */
  isProcessDead = false;
  /** Somebody looks who is no part of the story: nothing fails, and nothing is counted. */
  isPaused = false;
  operations = 0;
  /** What the operations were, in order, when somebody asks for it. */
  record: Operation[] | null = null;

  /** The gate's word on an operation, counted. "killed" ends the process. */
  pass(operation: Operation, name: string): Verdict {
    if (this.isProcessDead) return "killed";
    if (this.isPaused) return null;
    this.operations += 1;
    this.record?.push(operation);
    const verdict = this.gate(operation, name);
    if (verdict === "killed") this.isProcessDead = true;
    return verdict;
  }

  open(name: string): SimulatedFile {
    let file = this.files.get(name);
    if (file === undefined) {
      file = new SimulatedFile();
      this.files.set(name, file);
    }
    return file;
  }

  sync(file: SimulatedFile): void {
    file.unsynced = [];
    file.isNameDurable = true;
  }

  /** The power goes: what was not synced meets its fate, and names that never were may be gone. */
  cutPower(fate: Fate, random: Random): void {
    for (const [name, file] of this.files) {
      file.settle(fate, random);
      if (!file.isNameDurable && random.oneIn(2)) this.files.delete(name);
      file.isNameDurable = true;
    }
  }

  /** A new process: locks are gone with the old one. */
  restart(): void {
    this.isProcessDead = false;
    for (const file of this.files.values()) file.locks.clear();
  }

  /** What a copy of the directory would hold now. */
  copyFiles(): Map<string, SimulatedFile> {
    return new Map([...this.files].map(([name, file]) => [name, file.copy()]));
  }

  replaceFiles(files: ReadonlyMap<string, SimulatedFile>): void {
    this.files.clear();
    for (const [name, file] of files) this.files.set(name, file.copy());
  }
}
