/**
 * Who takes part: an exchange, a cheap and a dear supplier with a node each before a fake of a GPU, and
 * buyers in both modes that keep asking. All of them are processes but the buyers and the network.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ExchangeLives } from "#crash/exchange-lives.ts";
import { Abandoned } from "#crash/gate.ts";
import { type Door, sendUntilAnswered } from "#crash/http-client.ts";
import { createOperatorClient, type OperatorClient } from "#crash/operator-client.ts";
import { signedRequest } from "#crash/signed-request.ts";
import { until } from "#crash/until.ts";
import { createIdentity } from "#protocol/signing.ts";
import { Random } from "#simulation/random.ts";
import { type AgentNode, createAgentNode } from "./agent-node.ts";
import { createAskingBuyer, type Told } from "./asking-buyer.ts";
import { createFakeGpu, type FakeGpu } from "./fake-gpu.ts";
import { type LinkProxy, startLinkProxy } from "./link-proxy.ts";

const SYMBOL = "text-lite";
/** Dollars per Unit: far enough apart that a failure costs something, near enough to be covered. */
const CHEAP_PRICE = "40.00";
const DEAR_PRICE = "44.00";
const CHEAP_UNITS = "2";
/** More than a run covers: an agent that renews its ask has none in the book for a moment. */
const DEAR_UNITS = "100";
/** First deposit of everybody, and the exchange's working money for cover. */
const FIRST_MICROS = 10_000_000_000n;
const COVER_MICROS = 1_000_000_000n;
const AUTO_BUYERS = 3;
/** Units that buyers in Advanced Mode buy: the last one so many that it gets some of the dear ones. */
const ADVANCED_UNITS = ["0.30", "0.30", "2.50"];
/** Pause of a buyer between two requests. */
const PACE_MS = 10;
/** A process that takes longer to come up has failed. */
export const START_MS_MAX = 60_000;

export interface FailoverWorld {
  readonly operator: OperatorClient;
  /** Accounts of the two suppliers. */
  readonly cheap: number;
  readonly dear: number;
  /** The cheap supplier's machine, network and agent: what fails. */
  readonly gpu: FakeGpu;
  readonly proxy: LinkProxy;
  readonly agent: AgentNode;
  /** The agents of both suppliers. */
  readonly agents: readonly AgentNode[];
  readonly told: ReadonlyMap<Told, number>;
  /** Whether every buyer has begun a request after the last `mark` and seen its end. */
  readonly allAskedSinceMark: boolean;
  mark(): void;
  /** Ends the loops, each after its request was answered. The gate must be open or abandoned. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function startFailoverWorld(
  { root, dataDir, seed }: { root: string; dataDir: string; seed: number },
  { door, lives }: { door: Door; lives: ExchangeLives },
): Promise<FailoverWorld> {
  const token = readFileSync(join(dataDir, "operator.token"), "utf8").trim();
  const operator = createOperatorClient(door, token);
  const proxy = await startLinkProxy(Number(new URL(lives.url).port));
  const gpus = [createFakeGpu(), createFakeGpu()] as const;
  const agents: AgentNode[] = [];
  const told = new Map<Told, number>();
  let requests = 0;
  let marked = 0;
  const askedSinceMark = new Set<string>();
  let isStopping = false;

  async function must(what: string, holds: () => boolean): Promise<void> {
    if (await until(holds, START_MS_MAX)) return;
    const complaints = agents.map(({ complaint }) => complaint).join("\n");
    throw new Error(`${what} did not happen in ${START_MS_MAX} ms: ${complaints}`);
  }

  async function startSupplier(
    name: string,
    gpu: FakeGpu,
    sold: { price: string; units: string; exchangeUrl: string },
  ): Promise<{ account: number; agent: AgentNode }> {
    const account = await operator.openAccount(name, "advanced");
    await operator.deposit(account, FIRST_MICROS, "bond");
    const joinToken = await operator.joinToken(account);
    await must(`the start of ${name}'s GPU`, () => gpu.isUp);
    const agent = createAgentNode({
      ...{ ...sold, name, joinToken, symbol: SYMBOL },
      ...{ backendUrl: gpu.url, dataDir: join(root, name) },
    });
    agents.push(agent);
    agent.start();
    await must(`${name}'s ask`, () => agent.asksPlaced > 0);
    return { account: account.number, agent };
  }

  async function openBuyer(name: string, mode: "easy" | "advanced") {
    const account = await operator.openAccount(name, mode);
    await operator.deposit(account, FIRST_MICROS);
    const apiKey = await operator.apiKey(account);
    return { account, name, apiKey };
  }

  async function buyUnits(account: { id: string }, name: string, quantity: string): Promise<void> {
    const identity = createIdentity();
    await operator.signingKey(account, identity);
    const order = { market_id: SYMBOL, side: "buy", quantity, client_order_id: name };
    const terms = { type: "limit", price: DEAR_PRICE, time_in_force: "ioc" };
    const body = JSON.stringify({ ...order, ...terms });
    const path = "/v1/orders";
    const sent = await sendUntilAnswered(door, path, () =>
      signedRequest(identity, "POST", path, body),
    );
    const { status } = (sent?.answer.json.data ?? {}) as { status?: string };
    if (status !== "filled") throw new Error(`${name} bought nothing: ${sent?.answer.text}`);
  }

  await operator.fundCover(COVER_MICROS);
  const cheapTerms = { price: CHEAP_PRICE, units: CHEAP_UNITS, exchangeUrl: proxy.url };
  const cheap = await startSupplier("cheap", gpus[0], cheapTerms);
  const dearTerms = { price: DEAR_PRICE, units: DEAR_UNITS, exchangeUrl: lives.url };
  const dear = await startSupplier("dear", gpus[1], dearTerms);
  const buyers = [];
  for (let at = 1; at <= AUTO_BUYERS; at += 1) buyers.push(await openBuyer(`auto-${at}`, "easy"));
  for (const [at, units] of ADVANCED_UNITS.entries()) {
    const buyer = await openBuyer(`advanced-${at + 1}`, "advanced");
    await buyUnits(buyer.account, buyer.name, units);
    buyers.push(buyer);
  }

  // Nothing was left of its first ask, and buyers in Auto Mode are to buy from it, not from the other.
  await must("the cheap supplier's next ask", () => cheap.agent.asksPlaced > 1);

  const loops = buyers.map(async ({ name, apiKey }, at) => {
    const random = new Random(seed + at);
    const buyer = createAskingBuyer({ name, apiKey, symbol: SYMBOL }, { door, random });
    while (!isStopping) {
      await door.gate.passed();
      requests += 1;
      const number = requests;
      const end = await buyer.work();
      told.set(end, (told.get(end) ?? 0) + 1);
      if (number > marked) askedSinceMark.add(name);
      await pause(PACE_MS);
    }
  });
  const ended = loops.map((loop) =>
    loop.catch((error: Error) => {
      if (!(error instanceof Abandoned)) door.notebook.fault(`a buyer ended: ${error.stack}`);
    }),
  );

  return {
    ...{ operator, proxy, agents, told, gpu: gpus[0], agent: cheap.agent },
    ...{ cheap: cheap.account, dear: dear.account },
    get allAskedSinceMark() {
      return askedSinceMark.size === buyers.length;
    },
    mark() {
      marked = requests;
      askedSinceMark.clear();
    },
    async stop() {
      isStopping = true;
      await Promise.all(ended);
    },
    async close() {
      await Promise.all([...agents, ...gpus].map((each) => each.kill()));
      await proxy.close();
    },
  };
}
