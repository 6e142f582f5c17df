/**
 * What any journal must at least do: append what has come to a file, sync it, acknowledge it, while
 * the next collects. No checks, no index, no second copy.
 */
import { closeSync, fdatasync, openSync, write } from "node:fs";
import type { Durable } from "./measurement.ts";

export interface BareLoop extends Durable {
  /** Milliseconds of each write and sync. */
  syncsMs: number[];
  close(): void;
}

/** Opens the loop on a new file; each thing is `bytesEach` bytes. */
export function createBareLoop(file: string, bytesEach: number): BareLoop {
  const descriptor = openSync(file, "w");
  const syncsMs: number[] = [];
  let waiting: (() => void)[] = [];
  let isWriting = false;

  function writeNext(): void {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) {
      isWriting = false;
      return;
    }
    const startMs = performance.now();
    write(descriptor, Buffer.alloc(batch.length * bytesEach, "x"), (error) => {
      if (error !== null) throw error;
      fdatasync(descriptor, (problem) => {
        if (problem !== null) throw problem;
        syncsMs.push(performance.now() - startMs);
        for (const acknowledged of batch) acknowledged();
        writeNext();
      });
    });
  }

  return {
    syncsMs,
    send(acknowledged) {
      waiting.push(acknowledged);
      if (isWriting) return true;
      isWriting = true;
      // What comes in this turn shares the write, as in the shell.
      setImmediate(writeNext);
      return true;
    },
    close: () => closeSync(descriptor),
  };
}
