/**
 * A wish: what is tried on the market, as plain data that fast-check draws and shrinks. It becomes a
 * command when the state is known ("the third open order", "until the next thing is due"), so that
 * most wishes hit something and some of them nothing.
 */
import fc from "fast-check";
import type { Command } from "#exchange/core/commands.ts";
import { dueTimes } from "./decisions.fixture.ts";
import type { Model } from "./market.fixture.ts";

/** A wish is plain data with a name; `command` makes a command of it, or null when there is nothing to try it on. */
export interface Wish {
  name: string;
  wait: Wait;
  shown: unknown;
  command: (model: Model, lastSeenMs: number) => Command | null;
}

/**
 * How much time passes first: some milliseconds; or until something is due, just before or after; or
 * until a Lot expires that a delivery draws on and outlives.
 */
export type Wait = { ms: number } | { due: number; offMs: number } | { drawnOn: true };

export function timeAfter(model: Model, wait: Wait): number {
  if ("ms" in wait) return model.nowMs + wait.ms;
  if ("drawnOn" in wait) return drawnOnExpiry(model) ?? model.nowMs;
  const times = dueTimes(model);
  const due = times[wait.due % times.length] ?? model.nowMs;
  return Math.max(model.nowMs, due + wait.offMs);
}

function drawnOnExpiry(model: Model): number | undefined {
  const expiries = model.deliveries.flatMap(({ parts, timeoutMs }) =>
    model.lots
      .filter((lot) => parts.some((part) => part.lot === lot.number))
      .map((lot) => lot.expiresMs)
      .filter((ms) => ms > model.nowMs && ms < timeoutMs),
  );
  return expiries.sort((a, b) => a - b)[0];
}

export const SHORT = fc.nat(3_000).map((ms): Wait => ({ ms }));
export const UNTIL_DUE = fc
  .record({ due: fc.nat(4), offMs: fc.constantFrom(-1, 0, 0, 1, -60_000, 90_000) })
  .map((wait): Wait => wait);
export const wait: fc.Arbitrary<Wait> = fc.oneof(
  { weight: 13, arbitrary: fc.constant<Wait>({ ms: 0 }) },
  { weight: 6, arbitrary: SHORT },
  { weight: 1, arbitrary: UNTIL_DUE },
);
/** Deliveries end a little later, now and then after something else was due. */
export const endWait: fc.Arbitrary<Wait> = fc.oneof(
  { weight: 8, arbitrary: SHORT },
  { weight: 1, arbitrary: UNTIL_DUE },
  { weight: 2, arbitrary: fc.constant<Wait>({ drawnOn: true }) },
);
export const longWait: fc.Arbitrary<Wait> = fc.oneof(
  { weight: 2, arbitrary: SHORT },
  { weight: 3, arbitrary: UNTIL_DUE },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 600_000 }).map((ms): Wait => ({ ms })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 18_000_000 }).map((ms): Wait => ({ ms })) },
);

export const mostly = <T>(
  usual: fc.Arbitrary<T>,
  odd: fc.Arbitrary<T>,
  weight = 15,
): fc.Arbitrary<T> => fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
export const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length];

/** The cast: suppliers 1 to 3, traders 4 and 5, Auto Mode buyers 6 and 7; nobody has number 9. */
export const SUPPLIERS = [1, 2, 3];
export const TRADERS = [4, 5];
export const BUYERS = [6, 7];
export const NOBODY = 9;
/** Who draws on Lots, each with a key of that name. */
export const DRAWERS = [3, ...TRADERS, ...BUYERS];
export const keyOf = (account: number): string => `key of ${account}`;
/** Nodes of the suppliers, by number; the first supplier has two. */
export const NODES = [1, 1, 2, 3];
export const SYMBOLS = ["text-lite", "text-odd"];

export const supplier = mostly(
  fc.constantFrom(...SUPPLIERS),
  fc.constantFrom(...TRADERS, NOBODY),
  30,
);
export const trader = mostly(fc.constantFrom(3, ...TRADERS), fc.constantFrom(1, 6, NOBODY), 20);
export const drawer = mostly(
  fc.constantFrom(...BUYERS, ...BUYERS, 4, 4, 4, 3),
  fc.constant(NOBODY),
  30,
);
export const anybody = fc.constantFrom(...SUPPLIERS, ...TRADERS, ...BUYERS);
export const symbol = mostly(
  fc.constantFrom("text-lite", "text-lite", "text-lite", "text-odd"),
  fc.constant("text-none"),
  60,
);
export const quantity = mostly(
  fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 80 })),
  fc.constantFrom(0, -1, 1.5, Number.NaN, 1e9),
  30,
);
export const ticks: fc.Arbitrary<number | null> = mostly(
  fc.oneof(fc.integer({ min: 9_700, max: 10_300 }), fc.constantFrom(9_999, 10_000, 10_001)),
  fc.constantFrom(0, -5, Number.NaN, 0.5, 1e9, null, 1, 20_000),
  20,
);
export const tokens = mostly(
  fc.oneof(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 1, max: 120_000 })),
  fc.constantFrom(0, -1, Number.NaN, 0.5, 2 ** 53),
  40,
);

export interface Kind<T> {
  name: string;
  of: fc.Arbitrary<T>;
  waits?: fc.Arbitrary<Wait>;
  command: (wish: T, model: Model, lastSeenMs: number) => Command | null;
}
export const kind = <T>({ name, of, waits = wait, command }: Kind<T>): fc.Arbitrary<Wish> =>
  fc.record({ wish: of, wait: waits }).map((drawn) => ({
    name,
    wait: drawn.wait,
    shown: drawn.wish,
    command: (model, lastSeenMs) => command(drawn.wish, model, lastSeenMs),
  }));
