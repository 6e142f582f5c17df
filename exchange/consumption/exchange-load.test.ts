import { expect, test } from "vitest";
import { readLoad, watchExchangeLoad } from "./exchange-load.ts";

/** Delays in milliseconds beyond the sampling interval of 10. */
function histogram(delays: { p50: number; p99: number }) {
  return {
    count: 100,
    asked: 0,
    percentile(p: number) {
      this.asked += 1;
      return ((p === 50 ? delays.p50 : delays.p99) + 10) * 1e6;
    },
    reset() {
      delays.p50 = 0;
      delays.p99 = 0;
    },
  };
}

test("the usual lateness is the median without the sampling interval", () => {
  expect(readLoad(histogram({ p50: 1.5, p99: 3 })).lateMs()).toBe(1.5);
});

test("a slot that stalled judges nobody, nor does the next one, the one after it does", () => {
  const load = readLoad(histogram({ p50: 1, p99: 51 }));
  expect(load.isSlow()).toBe(true);
  load.nextSlot();
  expect(load.isSlow()).toBe(true);
  load.nextSlot();
  expect(load.isSlow()).toBe(false);
});

test("a loop that has not been watched yet is not late", () => {
  const load = watchExchangeLoad();
  expect(load.lateMs()).toBeLessThan(50);
  expect(load.isSlow()).toBe(false);
  load.close();
});

test("percentiles are read again only when a sample came", () => {
  const delays = { p50: 1, p99: 3 };
  const samples = histogram(delays);
  const load = readLoad(samples);
  load.lateMs();
  const askedOnce = samples.asked;
  load.isSlow();
  load.lateMs();
  expect(samples.asked).toBe(askedOnce);
  delays.p99 = 61;
  samples.count += 1;
  expect(load.isSlow()).toBe(true);
});
