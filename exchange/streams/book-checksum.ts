/**
 * The checksum of a book: integers only, over every level, in no order. It is kept up with one
 * subtraction and one addition per change, by us as by a client. `docs/streams.md` states it for
 * readers, with the vector that the test holds.
 */
import type { Side } from "#exchange/core/commands.ts";

/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
const SIDE_WORD: Record<Side, number> = { buy: 1, sell: 2 };

/**
 * FNV-1a over twelve bytes: side (1 bids, 2 asks), price in ticks and quantity in increments, each as
 * an unsigned 32-bit number, lowest byte first.
 */
export function levelHash(side: Side, priceTicks: number, quantity: number): number {
  return word(word(word(OFFSET_BASIS, SIDE_WORD[side]), priceTicks), quantity) >>> 0;
}

function word(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ (value & 0xff), PRIME);
  mixed = Math.imul(mixed ^ ((value >>> 8) & 0xff), PRIME);
  mixed = Math.imul(mixed ^ ((value >>> 16) & 0xff), PRIME);
  return Math.imul(mixed ^ (value >>> 24), PRIME);
}
