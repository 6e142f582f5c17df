/**
 * `npm run bench:recovery [-- events rounds]`: how long a start takes after a short and a long past
 * with equal state, how fast events are replayed, and what a snapshot of a large state costs the
 * commands that run beside it.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { quantile, spread } from "#benchmarks/performance/durability/measurement.ts";
import { openStorage } from "#exchange/storage.ts";
import { writePast } from "./past.ts";
import { type Beside, measurePauses } from "./pauses.ts";

const [events = 1_000_000, rounds = 5] = process.argv.slice(2).map(Number);
const SHORT_PAST = 10_000;
const MIX = { traders: 50, openOrdersPerTrader: 20, asksPercent: 0 };

const dir = mkdtempSync(join(tmpdir(), "gridspot-recovery-"));

/** Opens and closes a data directory; milliseconds of wall and of CPU. */
async function timeStart(dataDir: string): Promise<{ ms: number; cpuMs: number; seq: number }> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const { journal, history, core } = await openStorage(dataDir);
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const { seq } = core.state;
  await journal.close();
  history.close();
  return { ms, cpuMs: (user + system) / 1000, seq };
}

function dropSnapshots(dataDir: string): void {
  const db = new Database(join(dataDir, "journal.db"));
  db.exec("DELETE FROM snapshots; DELETE FROM snapshot_parts");
  db.close();
}

function prepare(name: string, total: number): string {
  const dataDir = join(dir, name);
  mkdirSync(dataDir);
  writePast(join(dataDir, "journal.db"), {
    ...MIX,
    isEnough: ({ seq }) => seq >= total,
  });
  return dataDir;
}

try {
  const pasts = [prepare("short", SHORT_PAST), prepare("long", events)];
  const rebuilds: { ms: number; cpuMs: number }[] = [];
  // The first start builds the read model from all of the past.
  for (const dataDir of pasts) rebuilds.push(await timeStart(dataDir));
  const starts = pasts.map(() => [] as number[]);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, dataDir] of pasts.entries()) {
      starts[index]?.push((await timeStart(dataDir)).ms);
    }
  }
  const long = pasts[1] as string;
  dropSnapshots(long);
  const replays: number[] = [];
  const replaysCpu: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { ms, cpuMs, seq } = await timeStart(long);
    replays.push((ms / 1000) * (1e6 / seq));
    replaysCpu.push((cpuMs / 1000) * (1e6 / seq));
  }
  console.log(`Node ${process.versions.node}, ${rounds} rounds, median [least..most]

| What | Figure |
|---|---|
| start after ${SHORT_PAST} events, ms | ${spread(starts[0] ?? [], 0)} |
| start after ${events} events, the same state, ms | ${spread(starts[1] ?? [], 0)} |
| 1 M events replayed without a snapshot, s | ${spread(replays, 1)} |
| the same, s of CPU | ${spread(replaysCpu, 1)} |
| read model built anew beside it, ${events} events, s | ${((rebuilds[1]?.ms ?? 0) / 1000).toFixed(1)} |
`);
  const { rows, bytes, encodeMs, errandsMs, quiet, during } = await measurePauses(
    join(dir, "large"),
    rounds,
  );
  const figures = (ms: number[]) => spread(ms, 1);
  const late = (each: Beside[], which: "p99" | "most") =>
    figures(each.map(({ lateMs }) => lateMs[which]));
  const acks = (each: Beside[], q: number) =>
    figures(each.map(({ acksMs }) => quantile(acksMs, q)));
  console.log(`Snapshots of ${rows} orders and Lots, ${(bytes / 1e6).toFixed(0)} MB; encoding it at once takes ${spread(encodeMs, 0)} ms

| ms | no snapshot | snapshot under way |
|---|---|---|
| event loop late for a timer, p99 | ${late(quiet, "p99")} | ${late(during, "p99")} |
| event loop late for a timer, most | ${late(quiet, "most")} | ${late(during, "most")} |
| the event loop's part in an errand, p50, p99 and most | | ${[0.5, 0.99, 1].map((q) => quantile(errandsMs, q).toFixed(2)).join(", ")} |
| acknowledgement p50 | ${acks(quiet, 0.5)} | ${acks(during, 0.5)} |
| acknowledgement p99 | ${acks(quiet, 0.99)} | ${acks(during, 0.99)} |
| acknowledgement, most | ${acks(quiet, 1)} | ${acks(during, 1)} |
| seconds of it | | ${spread(
    during.map((one) => one.seconds),
    1,
  )} |`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
