/** What a power cut does to writes that were not synced: five ways, each seen on real disks. */
import type { Random } from "#simulation/random.ts";

/** What is left of one write. */
export type Share = "whole" | "lost" | "torn" | "flipped";
/** Decides by the place of a write among the unsynced ones of its file. */
export type Fate = (index: number, count: number) => Share;

/** Named ways to lose power; `POWER_CUTS` lists them. */
export const POWER_CUTS = ["dropped", "kept", "torn", "reordered", "flipped"] as const;
export type PowerCut = (typeof POWER_CUTS)[number];

/** The fate of a file's unsynced writes for one way of losing power. */
export function fateOf(cut: PowerCut, random: Random): Fate {
  if (cut === "dropped") return () => "lost";
  if (cut === "kept") return () => "whole";
  // Later writes may be there while earlier ones are not.
  if (cut === "reordered") return () => (random.oneIn(2) ? "whole" : "lost");
  const last = random.next();
  return (index, count) => {
    const torn = last % count;
    if (index < torn) return "whole";
    return index === torn ? cut : "lost";
  };
}

/** A write that was only partly done: cut at a sector or at any byte, or whole with a wrong bit. */
export function tearWrite(
  bytes: Uint8Array,
  share: "torn" | "flipped",
  random: Random,
  sectorBytes: number,
): Uint8Array {
  if (share === "flipped") return withFlippedBit(bytes, random);
  const cut = random.below(bytes.length);
  return bytes.slice(0, random.oneIn(2) ? cut - (cut % sectorBytes) : cut);
}

/** A copy with one bit changed. */
export function withFlippedBit(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  return copy;
}
