/**
 * The run: suppliers fail under load in every way, and after each phase, with the exchange stopped, its
 * journal is read and counted again. No buyer may have paid for a failure, and every micro-dollar that
 * a failure cost must have come from whom the rules name.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExchangeLives } from "#crash/exchange-lives.ts";
import { createGate } from "#crash/gate.ts";
import type { Door } from "#crash/http-client.ts";
import { createFollower } from "#crash/journal-follower.ts";
import { createNotebook } from "#crash/notebook.ts";
import { until } from "#crash/until.ts";
import { Random } from "#simulation/random.ts";
import type { Told } from "./asking-buyer.ts";
import { DeliveryFacts } from "./delivery-facts.ts";
import { type FailoverReport, figuresOf, type PhaseFigures, unmet } from "./failover-report.ts";
import { type FailoverWorld, startFailoverWorld } from "./failover-world.ts";
import { drawFaults, PHASES, type Phase, runFault } from "./faults.ts";
import { HASTENED_SLA } from "./hastened-policy.ts";

/** Seldom: this run is about requests, not about recovery. */
const EVENTS_PER_SNAPSHOT = 20_000;
/** Longest that the last requests of a phase may take: two suppliers' timeouts, with room. */
const IDLE_MS_MAX = 90_000;
/** A link is to be up again before the next phase begins; its node dials within half a minute. */
const LINK_MS_MAX = 90_000;
const PROBLEMS_MAX = 50;
const CYCLES_PER_LINE = 10;

export interface FailoverOptions {
  cycles: number;
  seed: number;
  /** With the times of the shipped policy too: half a minute and more for each fault. */
  asShipped?: boolean;
}

/** Runs; `say` gets a line every ten faults. What went wrong is in the report, not thrown. */
export async function runFailover(
  { cycles, seed, asShipped = false }: FailoverOptions,
  say: (line: string) => void = () => {},
): Promise<FailoverReport> {
  const startedMs = performance.now();
  const root = mkdtempSync(join(tmpdir(), "gridspot-failover-"));
  const dataDir = join(root, "exchange");
  const random = new Random(seed);
  const notebook = createNotebook();
  const gate = createGate();
  const door: Door = { url: "", gate, notebook };
  const facts = new DeliveryFacts();
  const follower = createFollower(root, notebook, (event) => facts.take(event));
  const lives = createExchangeLives({
    dataDir,
    eventsPerSnapshot: EVENTS_PER_SNAPSHOT,
    sla: asShipped ? {} : HASTENED_SLA,
    acknowledgesEarly: false,
  });
  const problems: string[] = [];
  const phases: PhaseFigures[] = [];
  let world: FailoverWorld | null = null;
  const seconds = () => (performance.now() - startedMs) / 1_000;

  /** Lets what runs end, stops the exchange, and reads and recounts what it left. */
  async function stopAndCount({ operator }: FailoverWorld): Promise<void> {
    gate.close();
    if (!(await until(() => notebook.outstanding === 0, IDLE_MS_MAX))) {
      problems.push(`${notebook.outstanding} requests had no end within ${IDLE_MS_MAX} ms`);
    }
    if ((await operator.noteIntegrity()) === null) {
      problems.push("the exchange did not tell its state's hash");
    }
    const { code, signal, complaint } = await lives.end("SIGTERM");
    if (code !== 0) problems.push(`the exchange ended with ${code ?? signal}: ${complaint}`);
    problems.push(...follower.follow(dataDir), ...facts.problemsWhenIdle(), ...billedUntold());
    for (const [account, micros] of facts.money.postings.balances()) {
      const is = follower.balance(account);
      if (is !== micros) problems.push(`the core has ${is} on ${account}, the postings ${micros}`);
    }
  }

  /** Deliveries that were billed and whose buyer was not told so. */
  function billedUntold(): string[] {
    const told = new Set<string>();
    for (const each of notebook.told) if (each.kind === "completion") told.add(each.requestId);
    return [...facts.deliveries.values()]
      .filter(({ end, requestId }) => end === "settled" && !told.has(requestId))
      .map(({ requestId }) => `request ${requestId} was billed and its buyer saw no end of it`);
  }

  async function startAgain({ agents }: FailoverWorld): Promise<void> {
    const before = agents.map(({ links }) => links);
    await lives.start(null);
    const areBack = () => agents.every(({ links }, at) => links > (before[at] ?? 0));
    if (!(await until(areBack, LINK_MS_MAX))) {
      problems.push("the suppliers did not link again with a restarted exchange");
    }
  }

  async function runPhase(phase: Phase, world: FailoverWorld): Promise<void> {
    const before = new Map(world.told);
    const firstSeq = follower.lastSeq;
    const slaBefore = new Map(facts.sla.counts);
    const chargedBefore = facts.sla.windows.chargedMicros;
    const faults = new Map<string, number>();
    let done = 0;
    gate.open();
    for (const kind of drawFaults(phase, cycles, random)) {
      problems.push(...(await runFault(phase, kind, { world, random })));
      faults.set(kind, (faults.get(kind) ?? 0) + 1);
      done += 1;
      const wrong = problems.length + notebook.faults.length;
      if (wrong > PROBLEMS_MAX) break;
      if (done % CYCLES_PER_LINE !== 0) continue;
      say(`${phase}: ${done} faults, ${seconds().toFixed(0)} s, ${wrong} problems`);
    }
    await stopAndCount(world);
    const told = (end: Told) => (world.told.get(end) ?? 0) - (before.get(end) ?? 0);
    const [completed, failedInStream] = [told("completed"), told("failed in the stream")];
    const refused = told("refused");
    phases.push({
      ...{ phase, faults, requests: completed + failedInStream + refused },
      ...{ completed, failedInStream, refused },
      consequences: new Map(
        [...facts.sla.counts].map(([type, count]) => [type, count - (slaBefore.get(type) ?? 0)]),
      ),
      windowChargedMicros: facts.sla.windows.chargedMicros - chargedBefore,
      ...figuresOf([...facts.deliveries.values()].filter((each) => each.firstSeq > firstSeq)),
    });
  }

  try {
    await lives.start(null);
    door.url = lives.url;
    gate.open();
    const started = await startFailoverWorld({ root, dataDir, seed }, { door, lives });
    world = started;
    for (const phase of PHASES) {
      if (phase !== PHASES[0]) await startAgain(started);
      await runPhase(phase, started);
    }
    problems.push(...(await follower.proveWhole(dataDir)));
  } finally {
    gate.abandon();
    await world?.stop();
    await world?.close();
    await lives.close();
    rmSync(root, { recursive: true, force: true });
  }
  const report: FailoverReport = {
    ...{ seed, cycles, seconds: seconds(), phases, events: follower.lastSeq, problems: [] },
  };
  return { ...report, problems: [...problems, ...notebook.faults, ...unmet(report)] };
}
