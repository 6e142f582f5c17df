/**
 * The pace of small grants: one timer for all streams, so that a stream of small tokens is granted its
 * credit some times a second and not with every token.
 */

/** A chunk that needs all of a stream's credit waits so long for the rest of it. */
export const GRANT_PACE_MS = 100;

/** Something that withholds a grant. */
export interface Withholding {
  due(): void;
}

export interface GrantPacer {
  /** Calls `due` once, a moment later. Bounded by the deliveries that are open. */
  add(withholding: Withholding): void;
}

/** Builds one; `later` runs something after so many milliseconds. */
export function createGrantPacer(
  later: (run: () => void, ms: number) => void = (run, ms) => void setTimeout(run, ms).unref(),
): GrantPacer {
  let waiting: Withholding[] = [];

  function tell(): void {
    const all = waiting;
    waiting = [];
    for (const withholding of all) withholding.due();
  }

  return {
    add(withholding) {
      if (waiting.push(withholding) === 1) later(tell, GRANT_PACE_MS);
    },
  };
}
