/**
 * The whole market in one process, with a named cast: `npm start` runs it, and the end-to-end tests
 * use the same code. Everything goes through the doors that strangers use: operator API, link, HTTP.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { type Agent, createAgent } from "#agent/agent.ts";
import { createBackendClient } from "#agent/backends/openai-client.ts";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { measureBackend } from "#agent/measurement.ts";
import { openAcceptedAttempts } from "#agent/serving/accepted-attempts.ts";
import { createExchange, type Exchange } from "#exchange/app.ts";
import { systemClock } from "#exchange/clock.ts";
import { loadExchangeConfig } from "#exchange/config.ts";
import type { ExchangeLoad } from "#exchange/consumption/exchange-load.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";

const readJson = (name: string): unknown[] & object =>
  JSON.parse(readFileSync(new URL(`../config/${name}.json`, import.meta.url), "utf8"));

export interface WorldOptions {
  dataDir: string;
  /** 0 takes a free one. */
  port: number;
  /** SLA numbers other than those in `config/`. */
  sla?: Partial<MarketPolicy["sla"]>;
}

/** A running exchange with the demo's instruments, and words to people it. */
export interface World {
  exchange: Exchange;
  url: string;
  /** Opens an account through the operator's API. */
  openAccount(name: string, mode: "easy" | "advanced"): Promise<string>;
  deposit(accountId: string, amount: string, to: "available" | "bond"): Promise<void>;
  apiKey(accountId: string): Promise<string>;
  joinToken(accountId: string): Promise<string>;
  /** Calls the operator's API. */
  operator(path: string, body?: object): Promise<Record<string, string>>;
  close(): Promise<void>;
}

function withSla(policy: object, sla: WorldOptions["sla"]): object {
  return { ...policy, sla: { ...(policy as MarketPolicy).sla, ...sla } };
}

export async function startWorld(
  options: WorldOptions,
  { log, load }: { log: Logger; load?: ExchangeLoad },
): Promise<World> {
  const loaded = loadExchangeConfig(
    { GRIDSPOT_DATA_DIR: options.dataDir, GRIDSPOT_PORT: String(options.port) },
    {
      instruments: [...readJson("instruments"), ...readJson("instruments.demo")],
      policy: withSla(readJson("policy"), options.sla),
    },
  );
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  const exchange = await createExchange(loaded.config, {
    clock: systemClock,
    log,
    ...(load && { load }),
    onFatal(error) {
      log.fatal({ reason: error.message }, "the exchange cannot go on");
      throw error;
    },
  });
  const port = await exchange.listen();
  const url = `http://127.0.0.1:${port}`;
  let references = 0;

  async function operator(path: string, body?: object): Promise<Record<string, string>> {
    const response = await fetch(`${url}/operator/v1/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${exchange.secrets.operatorToken}`,
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return (JSON.parse(text) as { data: Record<string, string> }).data;
  }
  const text = async (path: string, body: object, field: string): Promise<string> =>
    (await operator(path, body))[field] ?? "";

  return {
    exchange,
    url,
    operator,
    openAccount: (name, mode) => text("accounts", { name, mode }, "account_id"),
    async deposit(accountId, amount, to) {
      references += 1;
      const reference = `demo-${accountId.slice(-12)}-${to}-${references}`;
      await operator("deposits", { account_id: accountId, amount, to, reference });
    },
    apiKey: (accountId) =>
      text("keys", { account_id: accountId, label: "demo", environment: "test" }, "key"),
    joinToken: (accountId) => text("join-tokens", { account_id: accountId }, "token"),
    close: () => exchange.close(),
  };
}

export interface NodeOptions {
  dataDir: string;
  name: string;
  exchangeUrl: string;
  joinToken: string | null;
  backend: { url: string; model: string; apiKey?: string | undefined };
  symbol: string;
  price: string;
  quantity: string;
  slots: number;
}

/** Measures a backend and starts an agent beside it; resolves when it has placed its ask. */
export async function startNode(
  options: NodeOptions,
  { log, random = Math.random }: { log: Logger; random?: () => number },
): Promise<Agent> {
  const { slots, backend } = options;
  const client = createBackendClient({ ...backend, connections: slots });
  const measurement = await measureBackend(client, systemClock);
  const agent = createAgent(
    {
      exchangeUrl: options.exchangeUrl.replace(/^http/, "ws"),
      nodeName: options.name,
      joinToken: options.joinToken,
      build: "gridspot-agent 0.1.0",
      quote: { symbol: options.symbol, price: options.price, quantity: options.quantity },
      slots,
      contextTokens: null,
      measurement,
    },
    {
      identity: loadIdentity(options.dataDir),
      accepted: openAcceptedAttempts(options.dataDir),
      pin: loadExchangePin(options.dataDir, options.joinToken),
      client,
      log: log.child({ component: `agent ${options.name}` }),
      random,
    },
  );
  await agent.start();
  return agent;
}

/** Who is in the demo and what they need to come back: kept in `<data>/demo.json`, mode 0600. */
export interface Cast {
  supplier: { accountId: string };
  buyer: { accountId: string; apiKey: string };
  broke: { accountId: string; apiKey: string };
  /** Spent at the node's first contact. */
  joinToken: string;
}

/** Loads the cast of a data directory, or casts it: Sam sells, Bea buys, Bob has no money. */
export async function castOf(world: World, dataDir: string): Promise<Cast> {
  const file = join(dataDir, "demo.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Cast;
  const sam = await world.openAccount("Sam the supplier", "advanced");
  await world.deposit(sam, "50", "bond");
  const bea = await world.openAccount("Bea the buyer", "easy");
  await world.deposit(bea, "10", "available");
  await world.operator("exchange-funds", { fund: "cover", amount: "20", reference: "demo-cover" });
  const bob = await world.openAccount("Broke Bob", "easy");
  const cast: Cast = {
    supplier: { accountId: sam },
    buyer: { accountId: bea, apiKey: await world.apiKey(bea) },
    broke: { accountId: bob, apiKey: await world.apiKey(bob) },
    joinToken: await world.joinToken(sam),
  };
  writeFileSync(file, `${JSON.stringify(cast, null, 2)}\n`, { mode: 0o600 });
  return cast;
}
