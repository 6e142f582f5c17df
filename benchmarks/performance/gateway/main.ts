/**
 * `npm run bench:gateway`: our exchange beside a direct call, nginx and Portkey's gateway, each on a
 * core of its own before the same stub; interleaved rounds in one run. See `docs/performance.md`.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { runLoad } from "./load.ts";
import {
  type Figures,
  figuresOf,
  loadOf,
  memoryPerStream,
  OPEN_STREAMS,
  warmUp,
} from "./measures.ts";
import { compilePrograms, compilerProblem } from "./native-programs.ts";
import { type MeasureName, readOptions, type TargetName, USAGE } from "./options.ts";
import { lastWords, pinningProblem, type Started, start } from "./processes.ts";
import { memoryTable, type Rounds, rateTable, ttftTable } from "./report.ts";
import { marketTarget } from "./targets/market.ts";
import { directTarget, nginxTarget, portkeyTarget } from "./targets/peers.ts";
import { type Target, type TargetContext, TargetMissing } from "./targets/target.ts";

const OPEN: Record<TargetName, (context: TargetContext) => Promise<Target>> = {
  direct: directTarget,
  nginx: nginxTarget,
  portkey: portkeyTarget,
  gridspot: (context) => marketTarget(context, "agents"),
  exchange: (context) => marketTarget(context, "scripted"),
};
/** Its supplier's clock is too coarse for times, and the stub itself has no gateway's memory. */
const NOT_OF: Partial<Record<MeasureName, readonly TargetName[]>> = {
  ttft: ["exchange"],
  memory: ["direct"],
};

const read = readOptions(process.argv.slice(2));
if (!read.ok) {
  console.error(`${read.problems.join("\n")}\n${USAGE}`);
  process.exit(2);
}
const { options } = read;
const problem = compilerProblem();
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
const programs = compilePrograms();
const dir = mkdtempSync(join(tmpdir(), "gridspot-gateway-"));
process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
const running = new Set<{ close(): Promise<void> }>();
let folders = 0;

async function startStub(): Promise<Started> {
  const command = programs.stubBackend;
  const stub = await start({ core: "others", command, args: [], says: /"port":(\d+)/ });
  running.add({ close: stub.stop });
  return stub;
}

/** Opens a target; null, and a sentence on the screen, when it cannot run here. */
async function open(name: TargetName, stubPort: number): Promise<Target | null> {
  folders += 1;
  const own = join(dir, `${name}-${folders}`);
  mkdirSync(own);
  try {
    const { profileDir } = options;
    const target = await OPEN[name]({ stubPort, dir: own, profileDir });
    running.add(target);
    return target;
  } catch (error) {
    if (!(error instanceof TargetMissing)) throw error;
    console.log(`Without ${name}: ${error.message}.`);
    return null;
  }
}

async function close(target: Target): Promise<void> {
  running.delete(target);
  await target.close();
}

function note(rounds: Rounds, target: TargetName, figures: Record<string, number>): void {
  const own = rounds.get(target);
  if (own === undefined) rounds.set(target, [figures]);
  else own.push(figures);
}

async function measureInRounds(measures: readonly Exclude<MeasureName, "memory">[], port: number) {
  const opened = await Promise.all(options.targets.map((name) => open(name, port)));
  const targets = opened.filter((target) => target !== null);
  for (const target of targets) await warmUp(programs.loadGenerator, target);
  const results = new Map<MeasureName, Rounds>(measures.map((measure) => [measure, new Map()]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const measure of measures) {
      for (const target of targets) {
        if (NOT_OF[measure]?.includes(target.name)) continue;
        const load = loadOf(measure, options.seconds);
        const result = await runLoad(programs.loadGenerator, target, measure, load);
        const figures = figuresOf(measure, result, options.seconds);
        note(results.get(measure) as Rounds, target.name, figures);
      }
    }
    console.error(`round ${round} of ${options.rounds}, load ${loadavg()[0]?.toFixed(1)}`);
  }
  for (const target of targets) await close(target);
  return results;
}

async function measureMemory(port: number): Promise<Map<number, Rounds>> {
  const byStreams = new Map<number, Rounds>();
  for (const streams of OPEN_STREAMS) {
    const rounds: Rounds = new Map();
    byStreams.set(streams, rounds);
    for (const name of options.targets) {
      if (NOT_OF.memory?.includes(name)) continue;
      const target = await open(name, port);
      if (target === null) continue;
      const figures = await openStreams(target, streams);
      console.error(`${name}, ${streams} streams: ${JSON.stringify(figures)}`);
      note(rounds, name, figures);
      await close(target);
    }
  }
  return byStreams;
}

/** A peer that cannot hold so many streams has no figures; ours must. */
async function openStreams(target: Target, streams: number): Promise<Figures> {
  try {
    return await memoryPerStream(programs.loadGenerator, target, streams);
  } catch (error) {
    if (target.name === "gridspot" || target.name === "exchange") throw error;
    console.log(`${target.name} did not hold ${streams} streams: ${(error as Error).message}.`);
    return {};
  }
}

function introduce(): void {
  const load = loadavg().map((value) => value.toFixed(1));
  console.log(`Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}, load average ${load.join(", ")} at the start
${options.rounds} rounds of ${options.seconds} s, median [least..most]; differences and ratios are of the same round`);
  const unpinned = pinningProblem();
  if (unpinned !== null) console.log(`Nothing has a core of its own: ${unpinned}.`);
}

try {
  introduce();
  const { said } = await startStub();
  const measures = options.only.filter((measure) => measure !== "memory");
  if (measures.length > 0) {
    const results = await measureInRounds(measures, Number(said));
    const [ttft, requests, deltas] = (["ttft", "requests", "deltas"] as const).map((measure) =>
      results.get(measure),
    );
    if (ttft) console.log(`\n${ttftTable(ttft)}`);
    if (requests) console.log(`\n${rateTable(requests, "requestsPerSecond", "cpuPerRequest")}`);
    if (deltas) console.log(`\n${rateTable(deltas, "deltasPerSecond", "cpuPerDelta")}`);
  }
  if (options.only.includes("memory")) {
    console.log(`\n${memoryTable(await measureMemory(Number(said)))}`);
  }
  console.log(`\nload average ${loadavg()[0]?.toFixed(1)} at the end`);
} catch (error) {
  console.error(`${(error as Error).message}\n\n${lastWords()}`);
  process.exitCode = 1;
} finally {
  for (const each of running) await each.close();
}
