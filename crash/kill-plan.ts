/** Which process dies how: drawn from the seed, every kind at least once in each run that is long enough. */
import type { Random } from "#simulation/random.ts";
import type { KillPoint, Word } from "./exchange-words.ts";

/** What the exchange is doing when it is killed; `stopped` is SIGTERM, for comparison. */
export const KILL_KINDS = ["serving", "snapshot", "recovery", "idle", "stopped"] as const;
export type KillKind = (typeof KILL_KINDS)[number];

/** How often each comes, once every kind was there. */
const WEIGHTS: Record<KillKind, number> = {
  serving: 40,
  snapshot: 20,
  recovery: 20,
  idle: 10,
  stopped: 10,
};

export function drawKinds(cycles: number, random: Random): KillKind[] {
  const kinds: KillKind[] = [...KILL_KINDS];
  for (let at = kinds.length - 1; at > 0; at -= 1) {
    const other = random.between(0, at);
    [kinds[at], kinds[other]] = [kinds[other] as KillKind, kinds[at] as KillKind];
  }
  const bag = KILL_KINDS.flatMap((kind) => Array<KillKind>(WEIGHTS[kind]).fill(kind));
  while (kinds.length < cycles) kinds.push(bag[random.between(0, bag.length - 1)] as KillKind);
  return kinds.slice(0, cycles);
}

/** The point at which a process kills itself; null when the harness does. */
export function drawKillPoint(kind: KillKind, random: Random): KillPoint | null {
  if (kind === "snapshot") {
    // While the snapshot is on its way to the disk: at once, or a moment later.
    return { word: "snapshot-storing", times: 1, afterMs: random.between(0, 4) };
  }
  if (kind !== "recovery") return null;
  // After the open, amid the replay, or while the first commands are being written.
  const choice = random.between(0, 3);
  if (choice === 0) return { word: "opened", times: 1, afterMs: 0 };
  if (choice === 1) return { word: "resuming", times: 1, afterMs: random.between(0, 2) };
  return { word: "replaying", times: random.between(1, 6), afterMs: 0 };
}

/** What a process was doing when it died, from the last it said and what was under way. */
export function stateHit(words: readonly Word[], outstanding: number): KillKind {
  if (words.lastIndexOf("snapshot-storing") > words.lastIndexOf("snapshot-stored")) {
    return "snapshot";
  }
  if (!words.includes("ready")) return "recovery";
  return outstanding > 0 ? "serving" : "idle";
}
