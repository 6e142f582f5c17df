/** What befalls the exchange's machine: its process, its power, its disk and its clock. */
import { POWER_CUTS, type PowerCut } from "#simulation/disk/power-cut.ts";
import { openOnDisks } from "#simulation/disk/simulated-database.ts";
import { ANY } from "#simulation/faults.ts";
import type { Random } from "#simulation/random.ts";
import { openSimulatedStorage } from "#simulation/storage.ts";
import type { World } from "#simulation/world.ts";

const CALM_MS: readonly [number, number] = [5_000, 70_000];
/** Less than a client id is kept beyond the last time a client repeats it. */
export const CLOCK_ERROR_MS_MAX = 120_000;

type Trouble = (world: World, random: Random) => void | Promise<void>;

/** Lets one thing go wrong after another until the world ends. */
export async function startTrouble(world: World): Promise<void> {
  const random = world.random.fork();
  for (;;) {
    await world.scheduler.wait(random.between(...CALM_MS));
    if (world.isEnding) return;
    if (world.life?.isOpen === true) await random.pick(TROUBLES)(world, random);
  }
}

const inAnOperation = (random: Random, spread: number) => ({
  on: ANY,
  countdown: random.below(spread),
});

function cutPower(cut: PowerCut): Trouble {
  return (world, random) => {
    world.faults.armPowerCut(cut);
    if (random.oneIn(4)) world.life?.end();
    else {
      world.faults.arm("killed in a disk operation", "killed", {
        on: ["write", "sync"],
        countdown: random.below(12),
      });
    }
  };
}

const TROUBLES: Trouble[] = [
  (world) => {
    world.tally.hit("killed between two steps");
    world.life?.end();
  },
  (world, random) =>
    world.faults.arm("killed in a disk operation", "killed", inAnOperation(random, 40)),
  ({ faults }) => faults.armSnapshotKill(),
  ...POWER_CUTS.map(cutPower),
  (world, random) =>
    world.faults.arm("input/output error on a write", "io-error", {
      on: ["write"],
      countdown: random.below(20),
    }),
  (world, random) =>
    world.faults.arm("input/output error on a sync", "io-error", {
      on: ["sync"],
      countdown: random.below(6),
    }),
  (world, random) =>
    world.faults.arm("disk full", "disk-full", { on: ["write"], countdown: random.below(20) }),
  ({ faults, tally, scheduler }, random) => {
    tally.hit("slow disk");
    faults.slowUntilMs = scheduler.nowMs + random.between(3_000, 15_000);
  },
  ({ faults, tally }, random) => {
    tally.hit("clock set back");
    faults.clockErrorMs = -random.between(1, CLOCK_ERROR_MS_MAX);
  },
  ({ faults, tally }, random) => {
    tally.hit("clock set forward");
    faults.clockErrorMs = random.between(1, CLOCK_ERROR_MS_MAX);
  },
  stopInOrder,
  startSecondExchange,
];

async function stopInOrder({ life, tally }: World): Promise<void> {
  if (life === null) return;
  tally.hit("stopped in order");
  await Promise.race([life.stop(), life.died]);
}

/** A second exchange on the same directory must be refused, in words, and do no harm. */
async function startSecondExchange(world: World): Promise<void> {
  const databases = openOnDisks(world.sqlite);
  const { openDatabase } = databases;
  world.disk.isPaused = true;
  try {
    await openSimulatedStorage(world, openDatabase);
    world.oracle.breach("a second exchange opened the directory of a running one");
  } catch (error) {
    world.tally.hit("second exchange on the directory");
    const { message } = error as Error;
    if (!message.includes("is in use by another exchange")) world.oracle.breach(message);
  } finally {
    databases.closeAll();
    world.disk.isPaused = false;
  }
}
