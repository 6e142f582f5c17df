/**
 * Wilson's score interval: how often a supplier fails at least, given what was seen. With few requests
 * the bound is far below the share that was seen, so nobody is paused for bad luck.
 *
 * Computed in doubles from + − × ÷ and √ alone, which IEEE 754 rounds the same way everywhere; what is
 * decided by it stands in an event, so a replay never computes it again.
 */

/** Standard normal quantiles, one-sided. */
export const Z_99 = 2.3263478740408408;
export const Z_999 = 3.090232306167813;

/** Lower bound of the true share of `failed` in `requests`, 0 to 1; 0 when there was none. */
export function wilsonLower(failed: number, requests: number, z: number): number {
  if (requests <= 0 || failed <= 0) return 0;
  const share = failed / requests;
  const square = (z * z) / requests;
  const middle = share + square / 2;
  const spread = z * Math.sqrt((share * (1 - share) + square / 4) / requests);
  return Math.max(0, (middle - spread) / (1 + square));
}
