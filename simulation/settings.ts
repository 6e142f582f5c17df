/** How a simulated world is set up: a small market, short lives, and a policy that brings things to an end soon. */
import { readFileSync } from "node:fs";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Instrument } from "#protocol/instrument.ts";

export interface WorldSettings {
  policy: MarketPolicy;
  instruments: Instrument[];
  commandsUnsyncedMax: number;
  eventsPerSnapshot: number;
  tickMs: number;
  /** Of the watch on the books: so few that commands come between. */
  rowsPerSlice: number;
  /** Of the journal's chain at every start; damaged files are proved whole. */
  proveBytes: number;
  /** How many of each take part. */
  cast: { suppliers: number; traders: number; buyers: number };
}

const config = (name: string) =>
  JSON.parse(readFileSync(new URL(`../config/${name}.json`, import.meta.url), "utf8"));

const MINUTE_MS = 60_000;

export const SYMBOLS = ["text-lite", "text-prime"] as const;

export function defaultSettings(): WorldSettings {
  const policy = config("policy") as MarketPolicy;
  const instruments = (config("instruments") as Instrument[]).filter(({ symbol }) =>
    SYMBOLS.some((each) => each === symbol),
  );
  return {
    policy: {
      ...policy,
      version: "simulated",
      // Short, so that an hour sees many Lots expire and many client ids forgotten.
      lotLifetimeMs: 12 * MINUTE_MS,
      clientIdKeptMs: 6 * MINUTE_MS,
      depositReferenceKeptMs: 20 * MINUTE_MS,
      deliveryTimeMsMax: 90_000,
      dueItemsPerTurnMax: 4,
      sla: {
        ...policy.sla,
        windowMs: 20 * MINUTE_MS,
        abandonment: [
          { awayMs: 0.4 * MINUTE_MS, chargeBps: 1_000 },
          { awayMs: 0.7 * MINUTE_MS, chargeBps: 2_500 },
        ],
        closeOutMs: 0.7 * MINUTE_MS,
        requestsPerWindowMin: 20,
        holdbackMs: 12 * MINUTE_MS,
        probationMs: 60 * MINUTE_MS,
        suspensionMs: [2 * MINUTE_MS, 5 * MINUTE_MS],
        suspensionForgivenMs: 60 * MINUTE_MS,
      },
    },
    instruments,
    commandsUnsyncedMax: 12,
    eventsPerSnapshot: 150,
    tickMs: 1_000,
    rowsPerSlice: 20,
    proveBytes: 100_000,
    cast: { suppliers: 4, traders: 4, buyers: 4 },
  };
}

/** A market of few words, in which much happens to the disk: for worlds that are run by the thousand. */
export function smallSettings(): WorldSettings {
  return {
    ...defaultSettings(),
    eventsPerSnapshot: 20,
    cast: { suppliers: 1, traders: 2, buyers: 2 },
  };
}
