/**
 * The handle of a resting order: the slot it sits in and how often that slot was used, in one safe
 * integer. The generation makes a handle stale once its order is gone, though the slot is used again.
 */

/** More than the highest slot; a handle is slot + generation x this. */
const GENERATION_STEP = 1 << 21;
export const FIRST_GENERATION = 1;
/** After this one comes the first again: handles stay safe integers. */
export const GENERATION_MAX = 2 ** 32 - 1;

/** Never 0, because generations begin at 1. */
export function handleOf(slot: number, generation: number): number {
  return slot + generation * GENERATION_STEP;
}

/** The slot in a handle's low bits; for anything that is no handle, some slot or other. */
export function slotOf(handle: number): number {
  return handle & (GENERATION_STEP - 1);
}

export function nextGeneration(generation: number): number {
  return generation === GENERATION_MAX ? FIRST_GENERATION : generation + 1;
}
