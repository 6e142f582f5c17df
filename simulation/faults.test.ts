import { describe, expect, test } from "vitest";
import { SimulatedDisk, type Verdict } from "./disk/simulated-disk.ts";
import { Faults } from "./faults.ts";
import { Random } from "./random.ts";
import { Tally } from "./tally.ts";

/** Faults of a disk whose first operation ended as `verdict`. */
function faultsAfter(verdict: Exclude<Verdict, null> | null): Faults {
  const disk = new SimulatedDisk();
  const faults = new Faults(disk, new Random(1), new Tally(), () => 0);
  if (verdict !== null) {
    faults.failAt({ operation: 1, verdict, cut: null });
    disk.pass("write", "journal.db");
  }
  return faults;
}

describe("an error of the process is explained", () => {
  test.each([
    ["io-error", "journal.db cannot be written: SQLITE_IOERR_WRITE: disk I/O error", true],
    ["io-error", "EIO: i/o error, rename 'history.db'", true],
    ["io-error", "database or disk is full", false],
    ["io-error", "journal.db is damaged: the chain breaks at event 7", false],
    ["io-error", "event 8 came after 6", false],
    ["disk-full", "journal.db cannot be written: the disk is full. Make room", true],
    ["disk-full", "disk I/O error", false],
    ["disk-full", "a hold of 5 has 3 left", false],
    ["killed", "disk I/O error", false],
    [null, "disk I/O error", false],
  ] as const)("after %s, saying %s: %s", (verdict, message, isExplained) => {
    expect(faultsAfter(verdict).explains(new Error(message))).toBe(isExplained);
  });

  test("but no longer in the next process", () => {
    const faults = faultsAfter("io-error");
    faults.betweenLives();
    expect(faults.explains(new Error("disk I/O error"))).toBe(false);
  });
});
