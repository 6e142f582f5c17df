/**
 * The run: start the exchange, load it, kill it, read what it left, start it again. Whatever a client
 * was told must be in the journal exactly once, and the live state must be the replayed one.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Random } from "#simulation/random.ts";
import { createExchangeLives } from "./exchange-lives.ts";
import { createGate } from "./gate.ts";
import type { Door } from "./http-client.ts";
import { createFollower } from "./journal-follower.ts";
import { drawKillPoint, drawKinds, type KillKind, stateHit } from "./kill-plan.ts";
import { type MarketLoad, startMarketLoad } from "./market-load.ts";
import { createNotebook } from "./notebook.ts";
import { createOperatorClient, type OperatorClient } from "./operator-client.ts";
import { type CrashReport, linkProblems, unreached } from "./report.ts";
import { until } from "./until.ts";

/** Small, so that a snapshot is never far. */
const EVENTS_PER_SNAPSHOT = 250;
/** Load before a look at the live state, and again before the kill. */
const LOAD_MS_MIN = 40;
const LOAD_MS_MAX = 140;
/** The whole journal is proved after that many cycles, and at the end. */
const CYCLES_PER_PROOF = 10;
const LINK_MS_MAX = 10_000;
const SETTLE_MS_MAX = 60_000;
/** A run that is this wrong says nothing new. */
const PROBLEMS_MAX = 50;

export interface CrashOptions {
  cycles: number;
  seed: number;
  /** Run the exchange that acknowledges before it writes. */
  acknowledgesEarly?: boolean;
}

/** Runs; `say` gets a line every ten cycles. What went wrong is in the report, not thrown. */
export async function runCrashes(
  { cycles, seed, acknowledgesEarly = false }: CrashOptions,
  say: (line: string) => void = () => {},
): Promise<CrashReport> {
  const startedMs = performance.now();
  const root = mkdtempSync(join(tmpdir(), "gridspot-crash-"));
  const dataDir = join(root, "exchange");
  const random = new Random(seed);
  const notebook = createNotebook();
  const gate = createGate();
  const door: Door = { url: "", gate, notebook };
  const follower = createFollower(root, notebook);
  const lives = createExchangeLives({
    dataDir,
    eventsPerSnapshot: EVENTS_PER_SNAPSHOT,
    sla: {},
    acknowledgesEarly,
  });
  const problems: string[] = [];
  const asked = new Map<KillKind, number>();
  const hit = new Map<KillKind, number>();
  let wholeProofs = 0;
  let load: MarketLoad | null = null;

  /** Ends the process and reads what it left. */
  async function end(signal: "SIGKILL" | "SIGTERM" | null): Promise<void> {
    const ended = await lives.end(signal);
    const expected = signal === "SIGTERM" ? ended.code === 0 : ended.signal === "SIGKILL";
    if (!expected) {
      problems.push(`a process ended with ${ended.code ?? ended.signal}: ${ended.complaint}`);
    }
    await until(() => notebook.outstanding === 0, SETTLE_MS_MAX);
    // What was answered last is written down a turn later.
    await new Promise((resolve) => setImmediate(resolve));
    problems.push(...follower.follow(dataDir));
  }

  async function proveWhole(): Promise<void> {
    problems.push(...(await follower.proveWhole(dataDir)));
    wholeProofs += 1;
  }

  /** Suppliers come back when they find out; most kills are to fall on a market that has them. */
  async function untilSomebodyIsServed(): Promise<void> {
    const begun = () => notebook.counts.get("completion begun") ?? 0;
    const before = begun();
    await until(() => begun() > before || lives.child.hasEnded, LINK_MS_MAX);
  }

  /** One start, some load, one death. */
  async function cycle(kind: KillKind, load: MarketLoad, operator: OperatorClient): Promise<void> {
    count(asked, kind);
    await lives.start(drawKillPoint(kind, random));
    if (kind === "recovery" || !lives.child.isReady) {
      const outlived = lives.child.isReady;
      await end(outlived ? "SIGKILL" : null);
      count(hit, stateHit(lives.child.words, 0));
      return;
    }
    notebook.beginProcess((await operator.noteIntegrity()) ?? 0);
    await load.look();
    gate.open();
    if (random.between(0, 3) > 0) await untilSomebodyIsServed();
    await pause(random.between(LOAD_MS_MIN, LOAD_MS_MAX));
    const looking = load.look();
    await pause(random.between(LOAD_MS_MIN, LOAD_MS_MAX));
    if (kind === "snapshot" && !(await until(() => lives.child.hasEnded, SETTLE_MS_MAX))) {
      problems.push("no snapshot came to be killed in");
    }
    if (kind === "serving") await until(() => notebook.outstanding > 0, SETTLE_MS_MAX);
    gate.close();
    if (kind === "idle") {
      await looking;
      await until(() => notebook.outstanding === 0, SETTLE_MS_MAX);
    }
    const { outstanding } = notebook;
    if (kind === "stopped") {
      await end("SIGTERM");
      count(hit, kind);
      return;
    }
    await end(lives.child.hasEnded ? null : "SIGKILL");
    count(hit, stateHit(lives.child.words, outstanding));
  }

  async function run(): Promise<void> {
    await lives.start(null);
    door.url = lives.url;
    gate.open();
    const token = readFileSync(join(dataDir, "operator.token"), "utf8").trim();
    const operator = createOperatorClient(door, token);
    const started = await startMarketLoad({ dataDir: root, seed }, { door, operator });
    load = started;
    gate.close();
    await end("SIGKILL");
    for (const [at, kind] of drawKinds(cycles, random).entries()) {
      if (problems.length > PROBLEMS_MAX) return;
      await cycle(kind, started, operator);
      const done = at + 1;
      if (done % CYCLES_PER_PROOF !== 0) continue;
      await proveWhole();
      const promises = notebook.told.length;
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      say(
        `${done} cycles, ${seconds} s: ${follower.lastSeq} events, ${promises} promises kept, ${problems.length + notebook.faults.length} problems`,
      );
    }
    await lives.start(null);
    if (!lives.child.isReady) return void (await end(null));
    await started.look();
    gate.open();
    if (!(await until(() => started.suppliersLinked === started.suppliers, LINK_MS_MAX))) {
      problems.push(`${started.suppliersLinked} of ${started.suppliers} suppliers linked again`);
    }
    await started.stop();
    await started.look();
    await end("SIGTERM");
    await proveWhole();
  }

  try {
    await run();
  } finally {
    gate.abandon();
    await (load as MarketLoad | null)?.stop();
    await lives.close();
    await (load as MarketLoad | null)?.close();
    rmSync(root, { recursive: true, force: true });
  }
  const report: CrashReport = {
    seed,
    cycles,
    seconds: (performance.now() - startedMs) / 1000,
    asked,
    hit,
    told: notebook.counts,
    compared: follower.compared,
    cut: notebook.cut,
    repeatsDoneBefore: follower.repeatsDoneBefore,
    busy: notebook.busy,
    linksReplaced: follower.linksReplaced,
    events: follower.lastSeq,
    wholeProofs,
    slowestStartMs: lives.slowestStartMs,
    problems: [],
  };
  const found = [...problems, ...notebook.faults, ...unreached(report), ...linkProblems(report)];
  return { ...report, problems: found };
}

function count(counts: Map<KillKind, number>, kind: KillKind): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1);
}
