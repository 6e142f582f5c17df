import fc from "fast-check";
import { expect, test } from "vitest";
import { candleOf } from "#exchange/history/candles.ts";
import { VOLUME_WINDOW_MS, VolumeWindow } from "./volume-window.ts";

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 25, 7, 30);
const SEED = Number(process.env.SEED ?? Math.trunc(Math.random() * 2 ** 31));

test(`the volume is that of the last 24 hours, by minutes (SEED=${SEED})`, () => {
  const waits = fc.constantFrom(0, 1, 59_999, MINUTE_MS, 3_600_000, 43_200_000, 86_400_000, 2e8);
  const trades = fc.array(fc.tuple(waits, fc.integer({ min: 1, max: 100 })), { maxLength: 40 });
  fc.assert(
    fc.property(trades, fc.nat(40), (drawn, before) => {
      let atMs = START_MS;
      const all = drawn.map(([wait, quantity]) => {
        atMs += wait;
        return { atMs, quantity };
      });
      const minuteOf = (ms: number) => Math.floor(ms / MINUTE_MS);
      const volume = (upTo: number, nowMs: number) =>
        all
          .slice(0, upTo)
          .filter(({ atMs: at }) => minuteOf(at) > minuteOf(nowMs) - VOLUME_WINDOW_MS / MINUTE_MS)
          .reduce((sum, { quantity }) => sum + quantity, 0);
      const known = Math.min(before, all.length);
      const startMs = all[known - 1]?.atMs ?? START_MS;
      // The read model has one candle per minute; several of one minute are no harm here.
      const candles = all
        .slice(0, known)
        .filter(({ atMs: at }) => at > startMs - VOLUME_WINDOW_MS)
        .map(({ atMs: at, quantity }) =>
          candleOf(Math.floor(at / MINUTE_MS) * MINUTE_MS, 1, quantity),
        );
      const window = new VolumeWindow(candles, startMs);
      expect(window.totalAt(startMs)).toBe(volume(known, startMs));
      for (let at = known; at < all.length; at += 1) {
        const { atMs: tradedMs, quantity } = all[at] as (typeof all)[number];
        window.add(tradedMs, quantity);
        expect(window.totalAt(tradedMs)).toBe(volume(at + 1, tradedMs));
      }
      expect(window.totalAt(atMs + VOLUME_WINDOW_MS)).toBe(0);
    }),
    { seed: SEED },
  );
});
