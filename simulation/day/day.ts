/**
 * A day of the whole market on a virtual clock: hundreds of accounts act at random times, the core
 * decides, and everything that moved is counted a second time. The same seed gives the same day.
 */
import { Random } from "#simulation/random.ts";
import { Scheduler } from "#simulation/scheduler.ts";
import { ACTIONS, type Action } from "./actions.ts";
import { openCast } from "./cast.ts";
import type { Scene } from "./deliveries.ts";
import { DayMarket } from "./market.ts";
import { planHalts } from "./operator.ts";
import { dayInstruments, dayPolicy, earlyPolicy } from "./settings.ts";
import { comeBack } from "./suppliers.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 2);
/** Things are due at least as often as an exchange looks. */
const TICK_MS = 1_000;
/** The exchange is away twice. */
const OUTAGES: readonly [atHour: number, ms: number][] = [
  [7.3, 4 * 60_000],
  [19.6, 20_000],
];

const SHIPPED_POLICY_AT_HOUR = 4.5;

export interface Day {
  market: DayMarket;
  seed: number;
  hours: number;
  startMs: number;
}

export async function runDay(seed: number, hours = 24): Promise<Day> {
  const random = new Random(seed);
  const market = new DayMarket(START_MS);
  market.run({ type: "adopt-policy", policy: earlyPolicy() });
  for (const instrument of dayInstruments()) market.run({ type: "list-instrument", instrument });
  const scheduler = new Scheduler(START_MS);
  const scene: Scene = {
    ...{ market, random, startMs: START_MS, cast: openCast(market, random) },
    later: (ms, run) =>
      scheduler.after(ms, () => {
        // What was meant for the time that the exchange was away comes right after it.
        market.nowMs = Math.max(market.nowMs, scheduler.nowMs);
        run();
      }),
  };
  for (const action of ACTIONS) repeat(scene, action);
  for (const [atHour, ms] of OUTAGES) scene.later(atHour * HOUR_MS, () => goAway(scene, ms));
  planHalts(scene);
  scene.later(SHIPPED_POLICY_AT_HOUR * HOUR_MS, () =>
    market.run({ type: "adopt-policy", policy: dayPolicy() }),
  );
  passTime(scene);
  const endMs = START_MS + hours * HOUR_MS;
  await scheduler.run(endMs, () => false);
  market.nowMs = endMs;
  market.catchUp();
  market.look();
  return { market, seed, hours, startMs: START_MS };
}

function passTime(scene: Scene): void {
  scene.market.catchUp();
  scene.later(TICK_MS, () => passTime(scene));
}

function repeat(scene: Scene, action: Action): void {
  scene.later(scene.random.exponential(action.meanMs), () => {
    action.act(scene);
    repeat(scene, action);
  });
}

/** All links end with the exchange's process; the agents come back within half a minute. */
function goAway(scene: Scene, ms: number): void {
  const { market, cast, random } = scene;
  const linked = cast.suppliers.filter(({ isLinked }) => isLinked);
  market.restart(ms);
  for (const supplier of linked) {
    supplier.isLinked = false;
    scene.later(random.below(20_000), () => comeBack(scene, supplier));
  }
}
