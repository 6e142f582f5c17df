/** Waiting for a condition, with a limit. */
import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 5;

/** Whether it held within so many milliseconds. */
export async function until(holds: () => boolean, msMax: number): Promise<boolean> {
  const endMs = performance.now() + msMax;
  while (!holds()) {
    if (performance.now() > endMs) return false;
    await pause(POLL_MS);
  }
  return true;
}
