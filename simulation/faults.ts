/**
 * What goes wrong with the process, the disk and the clock, and when. Armed faults wait for the
 * operation they hit; each is counted only where it took effect.
 */
import type { ErrandType } from "#exchange/journal/errands.ts";
import { fateOf, type PowerCut } from "./disk/power-cut.ts";
import type { Operation, SimulatedDisk, Verdict } from "./disk/simulated-disk.ts";
import type { Random } from "./random.ts";
import type { DiskPhase, FaultKind, Tally } from "./tally.ts";

const WRITE_MS: readonly [number, number] = [1, 6];
const SLOW_WRITE_MS: readonly [number, number] = [800, 2_500];

export const POWER_CUT_KINDS: Record<PowerCut, FaultKind> = {
  dropped: "power cut: unsynced writes dropped",
  kept: "power cut: unsynced writes kept",
  torn: "power cut: a write torn",
  reordered: "power cut: writes reordered",
  flipped: "power cut: a bit flipped in a torn write",
};
/** Unsynced writes that a way of losing power needs to differ from another. */
const WRITES_NEEDED: Record<PowerCut, number> = {
  dropped: 1,
  kept: 1,
  torn: 1,
  reordered: 2,
  flipped: 1,
};

interface Armed {
  kind: FaultKind;
  verdict: Exclude<Verdict, null>;
  on: readonly Operation[];
  countdown: number;
  /** A full disk stays full until the process ends. */
  stays: boolean;
}

export const ANY: readonly Operation[] = [
  "open",
  "read",
  "write",
  "truncate",
  "sync",
  "delete",
  "rename",
  "make-folder",
];

/** What SQLite, the system and the exchange say of a disk that fails like that. */
const WORDS = {
  "io-error": /disk I\/O error|unable to open database file|\bEIO\b/,
  "disk-full": /disk is full|unable to open database file|\bENOSPC\b/,
} as const;
type DiskVerdict = keyof typeof WORDS;

/** One failure at a chosen operation of the disk, counted from the start of the world. */
export interface FailAt {
  operation: number;
  verdict: Exclude<Verdict, null>;
  /** The process that dies of it takes the power along. */
  cut: PowerCut | null;
}

export class Faults {
  clockErrorMs = 0;
  slowUntilMs = 0;
  readonly #disk: SimulatedDisk;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #nowMs: () => number;
  #armed: Armed | null = null;
  #snapshotKill = false;
  /** How the disk has failed the process that runs. */
  readonly #diskFailures = new Set<DiskVerdict>();
  #syncFailed = false;
  #powerCut: PowerCut | null = null;
  #failAt: FailAt | null = null;
  /** Whether the failure of `failAt` came about. */
  hasFailedAt = false;
  /** What the process is about, unless the file says it. */
  #phase: DiskPhase = "first start";
  /** Whether all that was written was still there when the last process ended. */
  wasDiskWhole = true;

  constructor(disk: SimulatedDisk, random: Random, tally: Tally, nowMs: () => number) {
    this.#disk = disk;
    this.#random = random;
    this.#tally = tally;
    this.#nowMs = nowMs;
    disk.gate = (operation, file) => this.#judge(operation, file);
  }

  /** Lets an operation of the disk fail or end the process, after `countdown` others of its kind. */
  arm(
    kind: FaultKind,
    verdict: Exclude<Verdict, null>,
    { on, countdown }: { on: readonly Operation[]; countdown: number },
  ): void {
    this.#armed = { kind, verdict, on, countdown, stays: verdict === "disk-full" };
  }

  failAt(failure: FailAt): void {
    this.#failAt = failure;
  }

  /** The next snapshot's writing ends the process. */
  armSnapshotKill(): void {
    this.#snapshotKill = true;
  }

  /** The process will end by losing power, not alone. */
  armPowerCut(cut: PowerCut): void {
    this.#powerCut = cut;
  }

  /** The writer is about to do something between two appends. */
  beforeErrand(errand: ErrandType): void {
    if (errand === "save-snapshot-header") this.#tally.saw("snapshot taken");
    if (!this.#snapshotKill || !/^(save|prune)-snapshot/.test(errand)) return;
    this.#snapshotKill = false;
    const countdown = this.#random.below(6);
    this.arm("killed in a snapshot", "killed", { on: ["write", "sync"], countdown });
  }

  /** From now on the process opens what an earlier one left, or has opened it all. */
  enter(phase: "recovery" | "journal"): void {
    this.#phase = phase;
  }

  /** Runs something of the writer's. */
  during(errand: ErrandType | null, run: () => void): void {
    const before = this.#phase;
    if (errand !== null) this.#phase = "snapshot";
    run();
    this.#phase = before;
  }

  writeMs(): number {
    const [low, high] = this.#nowMs() < this.slowUntilMs ? SLOW_WRITE_MS : WRITE_MS;
    return this.#random.between(low, high);
  }

  /** Whether an error of the process speaks of what its disk did to it. */
  explains({ message }: Error): boolean {
    return [...this.#diskFailures].some((verdict) => WORDS[verdict].test(message));
  }

  /** Arms what may go wrong while the next process starts. */
  beforeStart(isCalm: boolean): void {
    if (isCalm) return;
    const random = this.#random;
    if (random.oneIn(7)) {
      const countdown = random.below(random.oneIn(2) ? 20 : 80);
      this.arm("killed while starting", "killed", { on: ANY, countdown });
    } else if (random.oneIn(14)) {
      const countdown = random.below(12);
      this.arm("input/output error on a read", "io-error", { on: ["read"], countdown });
    }
  }

  /** What happens to the disk between the end of one process and the start of the next. */
  betweenLives(): void {
    const cut = this.#powerCut;
    this.wasDiskWhole = cut === null && this.#diskFailures.size === 0;
    const unsynced = [...this.#disk.files.values()].map(({ unsynced: writes }) => writes.length);
    if (cut !== null) {
      if (Math.max(0, ...unsynced) >= WRITES_NEEDED[cut]) this.#tally.hit(POWER_CUT_KINDS[cut]);
      this.#disk.cutPower(fateOf(cut, this.#random), this.#random);
    } else if (this.#syncFailed && this.#random.oneIn(2)) {
      // After a failed sync the kernel may have thrown away what it could not write.
      this.#disk.cutPower(fateOf("reordered", this.#random), this.#random);
    }
    this.#powerCut = null;
    this.#armed = null;
    this.#snapshotKill = false;
    this.#diskFailures.clear();
    this.#syncFailed = false;
  }

  #judge(operation: Operation, file: string): Verdict {
    this.#tally.operations[this.#phaseOf(file)] += 1;
    if (this.#disk.operations === this.#failAt?.operation) return this.#failNow(this.#failAt);
    const armed = this.#armed;
    if (armed === null || !armed.on.includes(operation)) return null;
    if (armed.countdown > 0) {
      armed.countdown -= 1;
      return null;
    }
    if (!armed.stays || this.#diskFailures.size === 0) this.#tally.hit(armed.kind);
    if (armed.verdict !== "killed") this.#diskFailures.add(armed.verdict);
    if (operation === "sync" && armed.verdict === "io-error") this.#syncFailed = true;
    if (!armed.stays) this.#armed = null;
    return armed.verdict;
  }

  #phaseOf(file: string): DiskPhase {
    const isReadModel = this.#phase === "journal" && file.includes("/history.db");
    return isReadModel ? "read model" : this.#phase;
  }

  #failNow({ verdict, cut }: FailAt): Verdict {
    this.#failAt = null;
    this.hasFailedAt = true;
    if (verdict === "killed") this.#powerCut = cut;
    else this.#diskFailures.add(verdict);
    return verdict;
  }
}
