/**
 * How late the exchange itself is: the delay of its event loop, by slot. What suppliers are judged by
 * is taken on this loop, so its usual lateness is taken off their times, and a slot in which it stalled
 * judges nobody.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** As the SLA's slots. */
const SLOT_MS = 300_000;
const RESOLUTION_MS = 10;
/** A slot whose delay is beyond this for one sample in a hundred says nothing about suppliers. */
const SLOW_P99_MS = 50;

export interface ExchangeLoad {
  /** Usual lateness in this slot, in milliseconds. */
  lateMs(): number;
  /** Whether this slot, or the one before it, was too slow to judge anybody by. */
  isSlow(): boolean;
  close(): void;
}

type Histogram = Pick<ReturnType<typeof monitorEventLoopDelay>, "percentile" | "reset" | "count">;

/** Starts to watch the event loop of this thread. */
export function watchExchangeLoad(): ExchangeLoad {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const load = readLoad(histogram);
  const timer = setInterval(load.nextSlot, SLOT_MS);
  timer.unref();
  return {
    lateMs: load.lateMs,
    isSlow: load.isSlow,
    close() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

/** Reads a histogram of delays, in nanoseconds and with the sampling interval in them. */
export function readLoad(histogram: Histogram) {
  let wasSlow = false;
  let seenCount = -1;
  let seen = { usualMs: 0, worstMs: 0 };
  const delayMs = (percentile: number) =>
    Math.max(0, histogram.percentile(percentile) / 1e6 - RESOLUTION_MS);
  /** Read again only when a sample came: every delivery asks, and a percentile walks the histogram. */
  const delays = () => {
    const { count } = histogram;
    if (count === seenCount) return seen;
    seenCount = count;
    seen =
      count === 0 ? { usualMs: 0, worstMs: 0 } : { usualMs: delayMs(50), worstMs: delayMs(99) };
    return seen;
  };
  const isSlowNow = () => delays().worstMs > SLOW_P99_MS;
  return {
    lateMs: () => delays().usualMs,
    isSlow: () => wasSlow || isSlowNow(),
    nextSlot() {
      wasSlow = isSlowNow();
      histogram.reset();
      seenCount = -1;
    },
  };
}
