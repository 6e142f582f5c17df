/**
 * `npm run bench:gateway`: what exchange, link and agent add to a direct call of the same stub
 * backend, in one run. Four processes: stub, exchange (durable journal), agent, and this client.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type StreamTarget, timeStream } from "./stream-client.ts";

const ROUNDS = 5;
const REQUESTS_PER_ROUND = 60;
const TTFT_SCHEDULE = { text: "stub-t20-n16-g0", deltas: 16 };
const THROUGHPUT_SCHEDULE = { text: "stub-t0-n1900-g0", deltas: 1_900 };
const STREAMS_AT_ONCE = 16;
const START_TIMEOUT_MS = 60_000;

const root = fileURLToPath(new URL("../../../", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gridspot-bench-"));
const children: ChildProcess[] = [];

/** Starts a process of ours and resolves with what its output says. */
function start(args: string[], env: Record<string, string>, says: RegExp): Promise<string> {
  const child = spawn(process.execPath, ["--import", "tsx", ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`${args[0]}: ${said}`)), START_TIMEOUT_MS);
    child.once("exit", () => reject(new Error(`${args[0]} ended: ${said}`)));
    child.stdout?.on("data", (part) => {
      said = (said + part).slice(-20_000);
      const match = says.exec(said);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match[1] ?? "");
    });
  });
}

async function startMarket(): Promise<{ direct: StreamTarget; through: StreamTarget }> {
  const here = "benchmarks/performance/gateway";
  const port = await start([`${here}/stub-backend.ts`], {}, /"port":(\d+)/);
  const stub = `http://127.0.0.1:${port}`;
  const data = join(dir, "exchange");
  const exchange = { GRIDSPOT_DATA_DIR: data, GRIDSPOT_PORT: "0", GRIDSPOT_LOG_LEVEL: "info" };
  const url = await start(["exchange/main.ts"], exchange, /"url":"([^"]+)"/);
  const token = readFileSync(join(data, "operator.token"), "utf8").trim();
  const operator = async (path: string, body: object): Promise<Record<string, string>> => {
    const response = await fetch(`${url}/operator/v1/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return ((await response.json()) as { data: Record<string, string> }).data;
  };
  const seller = (await operator("accounts", { name: "seller", mode: "advanced" })).account_id;
  const buyer = (await operator("accounts", { name: "buyer", mode: "easy" })).account_id;
  await operator("deposits", { account_id: seller, amount: "100000", to: "bond", reference: "s" });
  await operator("deposits", { account_id: buyer, amount: "10000", reference: "b" });
  const join_ = (await operator("join-tokens", { account_id: seller })).token ?? "";
  const apiKey = (await operator("keys", { account_id: buyer, label: "bench" })).key ?? "";
  const agent = ["bin/gridspot.js", "agent", "start", "--exchange", url.replace("http", "ws")];
  const offer = ["--backend", stub, "--units", "5", "--price", "0.10", "--slots", "32"];
  const keys = ["--join", join_, "--data-dir", join(dir, "agent")];
  await start([...agent, ...offer, ...keys], {}, /(ask placed)/);
  return {
    direct: { url: stub, model: "stub", apiKey: "none" },
    through: { url, model: "text-lite", apiKey },
  };
}

const quantile = (values: number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
};

async function firstTokens(target: StreamTarget): Promise<number[]> {
  const times: number[] = [];
  for (let request = 0; request < REQUESTS_PER_ROUND; request += 1) {
    const { firstMs } = await timeStream(target, TTFT_SCHEDULE.text, TTFT_SCHEDULE.deltas);
    times.push(firstMs);
  }
  return times;
}

async function deltasPerSecond(target: StreamTarget): Promise<number> {
  const { text, deltas } = THROUGHPUT_SCHEDULE;
  const startMs = performance.now();
  const streams = Array.from({ length: STREAMS_AT_ONCE }, () => timeStream(target, text, deltas));
  await Promise.all(streams);
  return (STREAMS_AT_ONCE * deltas * 1000) / (performance.now() - startMs);
}

const show = (values: number[], digits: number): string => {
  const [low, middle, high] = [0, 0.5, 1].map((q) => quantile(values, q).toFixed(digits));
  return `${middle} [${low}..${high}]`;
};

try {
  const { direct, through } = await startMarket();
  const added = { p50: [] as number[], p99: [] as number[] };
  const speeds = { direct: [] as number[], through: [] as number[], ratio: [] as number[] };
  await firstTokens(direct);
  await firstTokens(through);
  for (let round = 0; round < ROUNDS; round += 1) {
    const base = await firstTokens(direct);
    const ours = await firstTokens(through);
    added.p50.push(quantile(ours, 0.5) - quantile(base, 0.5));
    added.p99.push(quantile(ours, 0.99) - quantile(base, 0.99));
    const fast = await deltasPerSecond(direct);
    const mine = await deltasPerSecond(through);
    speeds.direct.push(fast);
    speeds.through.push(mine);
    speeds.ratio.push(mine / fast);
  }
  console.log(`Node ${process.versions.node}, ${ROUNDS} rounds, median [min..max]

| What | Figure |
|---|---|
| added time to first token, p50, ms (stub: 20 ms) | ${show(added.p50, 2)} |
| added time to first token, p99 of ${REQUESTS_PER_ROUND}, ms | ${show(added.p99, 2)} |
| deltas/s direct, ${STREAMS_AT_ONCE} streams | ${show(speeds.direct, 0)} |
| deltas/s through exchange and agent | ${show(speeds.through, 0)} |
| ratio | ${show(speeds.ratio, 2)} |`);
} finally {
  for (const child of children) child.removeAllListeners("exit").kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
