/** How much was traded within the last 24 hours, to the minute: what the ticker shows. */
import type { Candle } from "#exchange/history/candles.ts";

const MINUTE_MS = 60_000;
const MINUTES = 24 * 60;
export const VOLUME_WINDOW_MS = MINUTES * MINUTE_MS;

export class VolumeWindow {
  /** Increments by minute, each minute in its place of the day. */
  readonly #byMinute = new Float64Array(MINUTES);
  #minute: number;
  #total = 0;

  /** `candles` are those of one minute each, of the last 24 hours, oldest first. */
  constructor(candles: readonly Candle[], nowMs: number) {
    this.#minute = Math.floor((candles[0]?.startMs ?? nowMs) / MINUTE_MS);
    for (const { startMs, quantity } of candles) this.add(startMs, quantity);
    this.#moveTo(nowMs);
  }

  add(atMs: number, quantity: number): void {
    this.#moveTo(atMs);
    const place = this.#minute % MINUTES;
    this.#byMinute[place] = (this.#byMinute[place] as number) + quantity;
    this.#total += quantity;
  }

  /** Increments of the 24 hours that end now. */
  totalAt(nowMs: number): number {
    this.#moveTo(nowMs);
    return this.#total;
  }

  #moveTo(atMs: number): void {
    const minute = Math.floor(atMs / MINUTE_MS);
    const last = Math.min(minute, this.#minute + MINUTES);
    for (let next = this.#minute + 1; next <= last; next += 1) {
      const place = next % MINUTES;
      this.#total -= this.#byMinute[place] as number;
      this.#byMinute[place] = 0;
    }
    this.#minute = Math.max(this.#minute, minute);
  }
}
