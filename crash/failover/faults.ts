/** What is done to the cheap supplier, phase by phase, and how it is undone. */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "#crash/until.ts";
import type { Random } from "#simulation/random.ts";
import { type FailoverWorld, START_MS_MAX } from "./failover-world.ts";

export const PHASES = ["backend", "link", "agent"] as const;
export type Phase = (typeof PHASES)[number];

/** Kinds that cost no waiting. */
const QUICK: Record<Phase, readonly string[]> = {
  backend: ["die", "status-500", "cut-early", "cut", "drip"],
  link: ["drop", "lose the agent's side"],
  agent: ["kill -9"],
};
/** The agent gives a silent exchange up after three heartbeats. */
const LOSE_EXCHANGE = "lose the exchange's side";
/** Kinds that are only noticed by timeouts, of ten seconds to half a minute: for long runs. */
const SLOW: Record<Phase, readonly string[]> = {
  backend: ["hang"],
  link: ["stall", LOSE_EXCHANGE],
  agent: [],
};
const LONG_RUN_CYCLES = 20;
/** One slow kind comes with this many quick ones. */
const QUICK_PER_SLOW = 20;
/** A link that was cut often is dialled again after up to half a minute, so links are cut less often. */
const CYCLES_PER_LINK_CUT = 5;
/** Longest until every buyer has asked under a fault and been answered: two suppliers' timeouts, with room. */
const FAULT_MS_MAX = 60_000;
/** Longest wait until the cheap supplier serves again: its longest pause before it dials, with room. */
const BACK_MS_MAX = 90_000;
/** Beyond this a request under way is not waited for before the blow. */
const UNDER_WAY_MS_MAX = 2_000;
/** The blow falls somewhere in an answer. */
const AIM_MS_MAX = 60;

/** The faults of a phase in order: every kind at least once, but for slow ones in a short run. */
export function drawFaults(phase: Phase, cycles: number, random: Random): string[] {
  const quick = QUICK[phase];
  const slow = cycles < LONG_RUN_CYCLES ? [] : SLOW[phase];
  const wanted = phase === "link" ? cycles / CYCLES_PER_LINK_CUT : cycles;
  const faults = slow.slice();
  for (let at = 0; faults.length < wanted || at < quick.length; at += 1) {
    const isSlow = slow.length > 0 && at % QUICK_PER_SLOW === QUICK_PER_SLOW - 1;
    const kinds = isSlow ? slow : quick;
    faults.push(kinds[at % kinds.length] as string);
  }
  for (let at = faults.length - 1; at > 0; at -= 1) {
    const other = random.between(0, at);
    [faults[at], faults[other]] = [faults[other] as string, faults[at] as string];
  }
  return faults;
}

/** One fault under load, and back; sentences for what did not come to pass. */
export async function runFault(
  phase: Phase,
  kind: string,
  { world, random }: { world: FailoverWorld; random: Random },
): Promise<string[]> {
  const problems: string[] = [];
  const { gpu } = world;
  const { answered: answeredBefore } = gpu;
  await until(() => gpu.answered > answeredBefore, UNDER_WAY_MS_MAX);
  await pause(random.between(0, AIM_MS_MAX));

  const undo = await strike(phase, kind, world);
  world.mark();
  if (!(await until(() => world.allAskedSinceMark, FAULT_MS_MAX))) {
    problems.push(`${kind}: not every buyer had an answer within ${FAULT_MS_MAX} ms`);
  }
  await undo();
  const { answered } = gpu;
  if (!(await until(() => gpu.answered > answered, BACK_MS_MAX))) {
    problems.push(`${kind}: the supplier did not serve again within ${BACK_MS_MAX} ms`);
  }
  return problems;
}

/** Does it; resolves with how it is undone. */
async function strike(
  phase: Phase,
  kind: string,
  { gpu, proxy, agent }: FailoverWorld,
): Promise<() => Promise<void>> {
  if (phase === "agent") {
    await agent.kill();
    return async () => agent.start();
  }
  if (phase === "link") {
    if (kind === "stall") {
      proxy.stall();
      return async () => proxy.resume();
    }
    if (kind === "drop") proxy.drop();
    else proxy.loseSide(kind === LOSE_EXCHANGE ? "exchange" : "agent");
    return async () => {};
  }
  if (kind === "die") {
    await gpu.kill();
    return async () => {
      gpu.start();
      await until(() => gpu.isUp, START_MS_MAX);
    };
  }
  const fault = kind as typeof gpu.fault;
  gpu.failWith(fault);
  await until(() => gpu.fault === fault, START_MS_MAX);
  return async () => gpu.failWith("none");
}
