/**
 * `npm run bench:book`: our order book beside `nodejs-order-book` on the same four order flows, in one
 * run. First the trade streams are compared, with each other and with those written down here, then
 * CPU time, latency and memory are measured. Ends with 1 when a trade stream differs.
 */
import type { OrderBook } from "#exchange/core/market/order-book-port.ts";
import { cpuNs, geometricMean, median, quantile, spread } from "./figures.ts";
import { createFlowRun, type TradeSink } from "./flow-run.ts";
import {
  EVENTS_DEFAULT,
  generateOrderFlow,
  type OrderFlow,
  TradeChecksum,
  WORKLOADS,
  type Workload,
} from "./order-flow.ts";
import { createPeerRun } from "./peer-run.ts";
import { createWornBooks } from "./worn-book.ts";

const ROUNDS = 5;
const LATENCY_ROUNDS = 3;
/** The peer runs only so many; ours runs these too, several times over for the clock's sake. */
const PEER_EVENTS = 20_000;
const REPEATS = 20;
const BUDGET = { meanTimes: 150, eachTimes: 100, p99Ns: 1_000 };

/** Of 1,000,000 events with seed 42; books in C++, Java and JavaScript gave the same from these bytes. */
const TRADE_STREAMS: Record<Workload, string> = {
  A: "8b5bf5fa/265132/10046309",
  B: "df80c1de/83373/12290611",
  C: "b2e877b1/800043/55850638",
  D: "c5fe3d17/107662/544148",
};

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("start with --expose-gc, as npm run bench:book does");

/** Takes the trades while the clock runs, and does next to nothing. */
const counter: TradeSink & { quantity: number } = {
  quantity: 0,
  trade(_maker, _taker, _priceTicks, quantity) {
    this.quantity += quantity;
  },
};

function agrees(what: string, got: string, expected: string): void {
  if (got !== expected) process.exitCode = 1;
  const verdict = got === expected ? "as expected" : `DIFFERS, expected ${expected}`;
  console.log(`  ${what}: ${got}, ${verdict}`);
}

function ourStream(flow: OrderFlow, book: OrderBook, events: number): string {
  const checksum = new TradeChecksum();
  createFlowRun(flow, book, checksum).run(0, flow.prefill + events);
  return `${checksum}`;
}

function peerStream(flow: OrderFlow): string {
  const checksum = new TradeChecksum();
  createPeerRun(flow, checksum).run(0, flow.prefill + PEER_EVENTS);
  return `${checksum}`;
}

/** CPU per event after the prefill, in ns. */
function ourNs(flow: OrderFlow, newBook: () => OrderBook, events: number, repeats: number): number {
  let spentNs = 0;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const run = createFlowRun(flow, newBook(), counter);
    run.run(0, flow.prefill);
    spentNs += cpuNs(() => run.run(flow.prefill, flow.prefill + events));
  }
  return spentNs / events / repeats;
}

function peerNs(flow: OrderFlow): number {
  const run = createPeerRun(flow, null);
  run.run(0, flow.prefill);
  return cpuNs(() => run.run(flow.prefill, flow.prefill + PEER_EVENTS)) / PEER_EVENTS;
}

/** Wall time of each single event, in ns, the timer's own time included. */
function latenciesNs(flow: OrderFlow, book: OrderBook): Float64Array {
  const run = createFlowRun(flow, book, counter);
  run.run(0, flow.prefill);
  const latencies = new Float64Array(flow.events);
  for (let n = 0; n < flow.events; n += 1) {
    const startMs = performance.now();
    run.run(flow.prefill + n, flow.prefill + n + 1);
    latencies[n] = (performance.now() - startMs) * 1e6;
  }
  return latencies;
}

function timerNs(): Float64Array {
  return Float64Array.from({ length: 1_000_000 }, () => {
    const startMs = performance.now();
    return (performance.now() - startMs) * 1e6;
  });
}

const PERCENTILES = [0.5, 0.99, 0.999];
const percentiles = (rounds: Float64Array[]): number[] =>
  PERCENTILES.map((q) => Math.round(median(rounds.map((round) => quantile(round, q)))));

/** Bytes that stay after `work`, in arrays and on the heap, while what it returns is alive. */
function bytesKept(work: () => unknown): { arrays: number; heap: number } {
  const settle = () => {
    // The second pass waits for what the first freed in the background.
    collect?.();
    collect?.();
  };
  settle();
  const before = process.memoryUsage();
  const kept = work();
  settle();
  const after = process.memoryUsage();
  if (kept === undefined) throw new Error("nothing was kept, so nothing was measured");
  return {
    arrays: after.arrayBuffers - before.arrayBuffers,
    heap: after.heapUsed - before.heapUsed,
  };
}

const kilobytes = (bytes: number) => `${Math.round(bytes / 1024).toLocaleString("en-US")} KiB`;

const startMs = performance.now();
const newBook = createWornBooks();
const flows = WORKLOADS.map((workload) => generateOrderFlow(workload));
const rows = flows.map((flow) => ({
  flow,
  // The same first events; its books and drivers need less memory.
  short: generateOrderFlow(flow.workload, { events: PEER_EVENTS }),
  whole: [] as number[],
  ours: [] as number[],
  peer: [] as number[],
  ratio: [] as number[],
  wholeRatio: [] as number[],
}));

console.log(`Node ${process.versions.node}, ${ROUNDS} rounds, nodejs-order-book 10.1.1

Trade streams (checksum/trades/quantity)`);
for (const flow of flows) {
  const { workload } = flow;
  agrees(`${workload}, ours`, ourStream(flow, newBook(), flow.events), TRADE_STREAMS[workload]);
  const first = `${workload}, peer, first ${PEER_EVENTS} events`;
  agrees(first, peerStream(flow), ourStream(flow, newBook(), PEER_EVENTS));
}

// The first round is not counted. A collection makes V8 drop code whose objects died, so each engine
// runs once more before it is measured.
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const { flow, short, ...row } of rows) {
    collect();
    peerNs(short);
    const peer = peerNs(short);
    collect();
    ourNs(flow, newBook, flow.events, 1);
    const whole = ourNs(flow, newBook, flow.events, 1);
    const ours = ourNs(short, newBook, PEER_EVENTS, REPEATS);
    if (round === 0) continue;
    row.peer.push(peer);
    row.ours.push(ours);
    row.whole.push(whole);
    row.ratio.push(peer / ours);
    row.wholeRatio.push(peer / whole);
  }
}

console.log(`
CPU per event in ns, median [min..max]

| Flow | ours, ${EVENTS_DEFAULT} events | ours, first ${PEER_EVENTS} | peer, first ${PEER_EVENTS} | peer / ours on all | peer / ours on the same |
|---|---|---|---|---|---|`);
for (const { flow, whole, ours, peer, ratio, wholeRatio } of rows) {
  const cells = [whole, ours, peer, wholeRatio, ratio].map((values) => spread(values));
  console.log(`| ${flow.workload} | ${cells.join(" | ")} |`);
}
for (const [what, ratios] of [
  ["on all events", rows.map(({ wholeRatio }) => median(wholeRatio))],
  ["on the same events", rows.map(({ ratio }) => median(ratio))],
] as const) {
  const mean = `geometric mean ${geometricMean(ratios).toFixed(0)} (budget ${BUDGET.meanTimes})`;
  const lowest = `lowest ${Math.min(...ratios).toFixed(0)} (budget ${BUDGET.eachTimes})`;
  console.log(`\nTimes faster, ours ${what}: ${mean}, ${lowest}`);
}

console.log(`
Latency of ours per event in ns, wall clock, timer included; median of ${LATENCY_ROUNDS} rounds

| Flow | p50 | p99 | p99.9 |
|---|---|---|---|`);
timerNs();
const latencyRounds = Array.from({ length: LATENCY_ROUNDS }, () => ({
  timer: timerNs(),
  flows: flows.map((flow) => latenciesNs(flow, newBook())),
}));
console.log(
  `| the timer alone | ${percentiles(latencyRounds.map(({ timer }) => timer)).join(" | ")} |`,
);
let p99WorstNs = 0;
flows.forEach((flow, n) => {
  const measured = percentiles(latencyRounds.map((round) => round.flows[n] as Float64Array));
  p99WorstNs = Math.max(p99WorstNs, measured[1] as number);
  console.log(`| ${flow.workload} | ${measured.join(" | ")} |`);
});
console.log(`\nHighest p99 ${p99WorstNs} ns (budget ${BUDGET.p99Ns} ns)`);

console.log("\nMemory after the flow, with its resting orders");
for (const flow of flows) {
  let resting = 0;
  const ours = bytesKept(() => {
    const book = newBook();
    createFlowRun(flow, book, counter).run(0, flow.prefill + flow.events);
    resting = book.size;
    return book;
  });
  // Measured with the strings that the driver makes; they are taken off.
  const names = bytesKept(() => Array.from({ length: flow.lastId + 1 }, (_, id) => String(id)));
  const peer = bytesKept(() => {
    const run = createPeerRun(flow, null);
    run.run(0, flow.prefill + PEER_EVENTS);
    return run;
  });
  console.log(
    `  ${flow.workload}: ours ${kilobytes(ours.arrays)} of arrays, ${kilobytes(ours.heap)} of heap, ` +
      `${resting} orders; peer, first ${PEER_EVENTS}: ${kilobytes(peer.heap - names.heap)} of heap`,
  );
}
console.log(`\nTook ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
