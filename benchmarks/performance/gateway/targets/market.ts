/**
 * Our own target: the exchange's process with its durable journal, accounts with money and keys, and a
 * supplier. Its limits stand as they are, so the load comes from many keys of several accounts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Started, start } from "#benchmarks/performance/gateway/processes.ts";
import type { Target, TargetContext } from "./target.ts";

/** A key may send 60 requests/s and have 32 open, an account 2,000 deliveries. */
const BUYERS = 8;
const KEYS_PER_BUYER = 60;
/** Agents, or scripts in their place: one has at most 4,096 slots, and 5,000 streams are open at most. */
const AGENTS = 2;
const SLOTS_PER_AGENT = 3_000;
const DEPOSIT_DOLLARS = "1000000";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** Which supplier serves: agents before the stub, or a script that costs next to nothing. */
export type SupplierKind = "agents" | "scripted";

export async function marketTarget(context: TargetContext, kind: SupplierKind): Promise<Target> {
  const { dir } = context;
  const data = join(dir, "exchange");
  const started: Started[] = [];
  const node = async (core: "target" | "others", args: string[], env: object, says: RegExp) => {
    const child = await start({
      core,
      command: process.execPath,
      args: [...profileFlags(context), ...args],
      cwd: root,
      env: { ...env },
      says,
    });
    started.unshift(child);
    return child;
  };
  const exchange = await node(
    "target",
    ["bin/gridspot.js", "exchange"],
    { GRIDSPOT_DATA_DIR: data, GRIDSPOT_PORT: "0", GRIDSPOT_LOG_LEVEL: "info" },
    /"url":"([^"]+)"/,
  );
  const url = exchange.said;
  const operator = operatorOf(url, readFileSync(join(data, "operator.token"), "utf8").trim());
  const seller = (await operator("accounts", { name: "seller", mode: "advanced" })).account_id;
  await operator("deposits", {
    account_id: seller,
    amount: DEPOSIT_DOLLARS,
    to: "bond",
    reference: "bond",
  });
  const { token = "" } = await operator("join-tokens", { account_id: seller, nodes_max: AGENTS });
  const keysFile = join(dir, "keys");
  writeFileSync(keysFile, (await createKeys(operator)).join("\n"));
  const processes: Record<string, number> = { gateway: exchange.pid };
  for (let number = 1; number <= AGENTS; number += 1) {
    const link = ["--exchange", url.replace("http", "ws"), "--join", token];
    const home = ["--data-dir", join(dir, `agent-${number}`), "--name", `agent-${number}`];
    const args =
      kind === "agents"
        ? [
            ...["bin/gridspot.js", "agent", "start", ...link, ...home],
            ...["--backend", `http://127.0.0.1:${context.stubPort}`],
            ...["--units", "100", "--price", "0.10", "--slots", String(SLOTS_PER_AGENT)],
          ]
        : [
            ...["--import", "tsx", "benchmarks/performance/gateway/targets/scripted-supplier.ts"],
            ...[...link, ...home],
          ];
    const agent = await node("others", args, {}, /(ask placed)/);
    processes[`agent${number}`] = agent.pid;
  }
  return {
    name: kind === "agents" ? "gridspot" : "exchange",
    port: Number(new URL(url).port),
    model: "text-lite",
    headers: {},
    keysFile,
    processes,
    async close() {
      for (const child of started) await child.stop();
    },
  };
}

function profileFlags({ profileDir }: TargetContext): string[] {
  return profileDir === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
}

type Operator = (path: string, body: object) => Promise<Record<string, string>>;

function operatorOf(url: string, token: string): Operator {
  return async (path, body) => {
    const response = await fetch(`${url}/operator/v1/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { data?: Record<string, string> };
    if (answer.data === undefined) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  };
}

/** One key of each buyer in turn, so that neighbours in the file have different accounts. */
async function createKeys(operator: Operator): Promise<string[]> {
  const buyers: string[] = [];
  for (let buyer = 1; buyer <= BUYERS; buyer += 1) {
    const { account_id = "" } = await operator("accounts", { name: `buyer ${buyer}` });
    const reference = `buyer ${buyer}`;
    await operator("deposits", { account_id, amount: DEPOSIT_DOLLARS, reference });
    buyers.push(account_id);
  }
  const keys: string[] = [];
  for (let number = 0; number < BUYERS * KEYS_PER_BUYER; number += 1) {
    const account_id = buyers[number % BUYERS];
    keys.push((await operator("keys", { account_id, label: `bench ${number}` })).key ?? "");
  }
  return keys;
}
