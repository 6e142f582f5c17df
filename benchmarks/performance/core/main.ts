/**
 * `npm run bench:core`: whole commands per second of CPU time, per mix, with and without encoding
 * their events, beside the budget and beside two peers. Each engine and mix has a process; rounds take turns.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { MIXES, type Mix } from "./command-flows.ts";
import type { FlowFigures } from "./flow-measure.ts";
import type { RoundRequest } from "./measuring-process.ts";

const ROUNDS = 5;
const BUDGET_PER_SECOND = 200_000;
const ROUND_TIMEOUT_MS = 60_000;
/**
 * One core means one core: garbage is collected on the thread that made it. With helper threads the
 * same work costs more CPU time, the more so on a busy machine.
 */
const ENGINE_FLAGS = ["--expose-gc", "--single-threaded-gc"];

interface Row {
  what: string;
  request: RoundRequest;
}

const ROWS: Row[] = [
  ...MIXES.flatMap((mix) =>
    [false, true].map((encode) => ({
      what: encode ? `${mix}, encoded` : mix,
      request: { engine: "core" as const, mix, encode },
    })),
  ),
  {
    what: "trading, reference book",
    request: { engine: "reference", mix: "trading", encode: false },
  },
  {
    what: "trading, nodejs-order-book",
    request: { engine: "outside", mix: "trading", encode: false },
  },
];

const processes = new Map<string, ChildProcess>();

/** One per engine and mix: recorded commands of the others would only be more for GC to look through. */
async function processOf({ engine, mix }: RoundRequest): Promise<ChildProcess> {
  const name = `${engine} ${mix}`;
  let child = processes.get(name);
  if (child === undefined) {
    const file = fileURLToPath(new URL("./measuring-process.ts", import.meta.url));
    child = fork(file, { execArgv: [...ENGINE_FLAGS, "--import", "tsx"] });
    processes.set(name, child);
    await answerOf(child);
  }
  return child;
}

async function answerOf(child: ChildProcess): Promise<FlowFigures> {
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, AbortSignal.timeout(ROUND_TIMEOUT_MS)]);
  try {
    const ended = once(child, "exit", { signal }).then(() => {
      throw new Error("a measuring process ended early");
    });
    const [answer] = await Promise.race([once(child, "message", { signal }), ended]);
    return answer as FlowFigures;
  } finally {
    done.abort();
  }
}

async function runRound({ request }: Row): Promise<FlowFigures> {
  const child = await processOf(request);
  child.send(request);
  return await answerOf(child);
}

const show = (values: number[], digits = 0): string => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => (sorted[Math.floor(q * (sorted.length - 1))] ?? 0).toFixed(digits);
  return `${at(0.5)} [${at(0)}..${at(1)}]`;
};

/** An expiry is what counts there: a tick runs some sixty. */
const countOf = (mix: Mix, figures: FlowFigures) =>
  mix === "expiries" ? figures.events : figures.commands;

try {
  const rounds = new Map<Row, FlowFigures[]>(ROWS.map((row) => [row, []]));
  // The first round compiles and is not counted.
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const row of ROWS) {
      const figures = await runRound(row);
      if (round >= 0) rounds.get(row)?.push(figures);
    }
  }
  const [first] = ROWS;
  const perSecond = (row: Row) =>
    (rounds.get(row) ?? []).map((f) => (countOf(row.request.mix, f) * 1e6) / f.cpuMicros);
  const ours = perSecond(first as Row);
  console.log(`Node ${process.versions.node}, ${ROUNDS} rounds, median [min..max], by CPU time.
Budget: ${BUDGET_PER_SECOND} whole commands/s on one core, without encoding.

| Mix | commands/s | x budget | us each | events each | bytes each | allocated bytes each | GC share | trading is x times as fast |
|---|---|---|---|---|---|---|---|---|`);
  for (const row of ROWS) {
    const figures = rounds.get(row) ?? [];
    const speeds = perSecond(row);
    const each = (of: (f: FlowFigures) => number) =>
      figures.map((f) => of(f) / countOf(row.request.mix, f));
    const [sample] = figures;
    const count = sample === undefined ? 1 : countOf(row.request.mix, sample);
    const ratio =
      row.request.engine === "core"
        ? ""
        : show(
            ours.map((v, n) => v / (speeds[n] ?? 1)),
            2,
          );
    console.log(
      `| ${row.what} | ${show(speeds)} | ${show(
        speeds.map((v) => v / BUDGET_PER_SECOND),
        2,
      )} | ${show(
        each((f) => f.cpuMicros),
        2,
      )} | ${((sample?.events ?? 0) / count).toFixed(2)} | ${((sample?.bytes ?? 0) / count).toFixed(0)} | ${show(each((f) => f.allocatedBytes))} | ${show(figures.map((f) => (100 * f.gcMicros) / f.cpuMicros))} % | ${ratio} |`,
    );
  }
} finally {
  for (const child of processes.values()) child.disconnect();
}
