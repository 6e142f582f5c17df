/** What the operator of a simulated day does: halts trading, and halts delivery. */
import type { Scene } from "./deliveries.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Of trading: from when, how long, and the auction that leads out of it. */
const TRADING_HALTS: readonly [atHour: number, symbol: string, minutes: number][] = [
  [5.2, "text-standard", 15],
  [16.5, "text-lite", 40],
];
/** Of delivery: Lots run longer for it. */
const DELIVERY_HALTS: readonly [atHour: number, symbol: string, minutes: number][] = [
  [10.4, "text-prime", 25],
];
const AUCTION_MS = 2 * MINUTE_MS;

export function planHalts(scene: Scene): void {
  const { market, later } = scene;
  for (const [atHour, symbol, minutes] of TRADING_HALTS) {
    later(atHour * HOUR_MS, () =>
      market.run({ type: "halt-trading", symbol, phase: "halted", reason: "a look at the book" }),
    );
    later(atHour * HOUR_MS + minutes * MINUTE_MS, () =>
      market.run({ type: "resume-trading", symbol, auctionMs: AUCTION_MS }),
    );
  }
  for (const [atHour, symbol, minutes] of DELIVERY_HALTS) {
    later(atHour * HOUR_MS, () =>
      market.run({ type: "halt-delivery", symbol, reason: "a look at the network" }),
    );
    later(atHour * HOUR_MS + minutes * MINUTE_MS, () =>
      market.run({ type: "resume-delivery", symbol }),
    );
  }
}
