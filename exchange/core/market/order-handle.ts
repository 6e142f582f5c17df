/**
 * The handle of a resting order: the slot it sits in and how often that slot was used, in one safe
 * integer. The generation makes a handle stale once its order is gone, though the slot is used again.
 */

/** More than the highest slot; a handle is slot + generation x this. */
const GENERATION_STEP = 1 << 21;
/** After this generation comes the first again: handles stay safe integers. */
const GENERATION_MAX = 2 ** 32 - 1;

/** The handle of a slot that was never used. Never 0, because generations begin at 1. */
export function firstHandleOf(slot: number): number {
  return slot + GENERATION_STEP;
}

/** The handle that a slot gives out after this one. */
export function nextHandle(handle: number): number {
  return handle < GENERATION_MAX * GENERATION_STEP
    ? handle + GENERATION_STEP
    : firstHandleOf(slotOf(handle));
}

/** The slot in a handle's low bits; for anything that is no handle, some slot or other. */
export function slotOf(handle: number): number {
  return handle & (GENERATION_STEP - 1);
}

/** The last handle that a slot gives out before it starts again. */
export function lastHandleOf(slot: number): number {
  return slot + GENERATION_MAX * GENERATION_STEP;
}
