/** Search in a sorted column of price keys, from the end: the best price is there, and most activity. */

/**
 * The first place among the first `count` ascending keys whose key is not below `key`; `count` when
 * there is none. Doubles its steps backwards from the end, then halves: as cheap as the key is good.
 */
export function firstNotBelow(keys: Int32Array, count: number, key: number): number {
  let high = count;
  let step = 1;
  while (high - step >= 0 && (keys[high - step] as number) >= key) {
    high -= step;
    step *= 2;
  }
  let low = Math.max(0, high - step);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
