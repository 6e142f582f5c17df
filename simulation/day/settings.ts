/** The policy and the instruments of a simulated day: as shipped, four of the instruments. */
import { readFileSync } from "node:fs";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Instrument } from "#protocol/instrument.ts";

const config = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../config/${name}.json`, import.meta.url), "utf8"));

export const DAY_SYMBOLS = ["text-lite", "text-standard", "text-prime"] as const;
/** Ticks that trading begins around. */
export const MIDDLE_TICKS: Record<string, number> = {
  "text-lite": 250,
  "text-standard": 900,
  "text-prime": 1_300,
};

export const dayPolicy = (): MarketPolicy => config("policy");

/** The day begins with next to no bond behind Lots, so that somebody can be unable to pay. */
export const earlyPolicy = (): MarketPolicy => ({
  ...dayPolicy(),
  ...{ version: "day-early", bondMarginBps: 100 },
});

export function dayInstruments(): Instrument[] {
  const listed: Instrument[] = config("instruments");
  return listed.filter(({ symbol }) => DAY_SYMBOLS.some((each) => each === symbol));
}
