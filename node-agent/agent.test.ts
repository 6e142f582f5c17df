import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RecordType } from "#protocol/link-records.ts";
import { type Agent, type AgentOptions, createAgent } from "./agent.ts";
import { BackendError } from "./backends/backend-error.ts";
import { loadExchangePin, loadIdentity } from "./identity.ts";
import {
  eventually,
  type ScriptedExchange,
  startScriptedExchange,
} from "./link/scripted-exchange.fixture.ts";
import { createScriptedClient, type ScriptedClient } from "./serving/scripted-client.fixture.ts";

const MEASUREMENT = { requests: 3, errors: 0, firstTokenMsP50: 20, tokensPerSecondP50: 50 };

let dir = "";
let exchange: ScriptedExchange;
let client: ScriptedClient;
let asks: object[] = [];
let givenUp: Error[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-agent-"));
  exchange = await startScriptedExchange();
  client = createScriptedClient();
  asks = [];
  givenUp = [];
  exchange.onLink((link) => {
    link.answer = ({ method, params }) => {
      if (method === "list-asks") return asks;
      if (method === "cancel-ask") asks = [];
      else if (method === "place-ask") {
        asks.push({ ...params, orderId: "order-1", remaining: params.quantity });
      }
      return {};
    };
  });
});
afterEach(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

function agentWith(options: Partial<AgentOptions> = {}): Agent {
  return createAgent(
    {
      exchangeUrl: exchange.url,
      nodeName: "node",
      joinToken: exchange.joinToken,
      build: "test",
      quote: { symbol: "text-test", price: "0.50", quantity: "1" },
      slots: 2,
      contextTokens: 4_096,
      measurement: MEASUREMENT,
      ...options,
    },
    {
      identity: loadIdentity(dir),
      pin: loadExchangePin(dir, exchange.joinToken),
      client,
      log: pino({ level: "silent" }),
      // No pause before linking again.
      random: () => 0,
      onGivenUp: (reason) => givenUp.push(reason),
    },
  );
}

test("an agent tells what it can serve and has its ask placed when it has started", async () => {
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  expect(await link.message("supply")).toMatchObject({
    slots: 2,
    instruments: [{ symbol: "text-test", capacityTokensPerWindow: 576_000 }],
  });
  expect(asks).toMatchObject([{ symbol: "text-test", price: "0.50", quantity: "1" }]);
  expect(agent.isLinked).toBe(true);
  await agent.drain("over");
});

test("a drain withdraws the ask, finishes what runs, and closes the link in order", async () => {
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  link.open(1, { messages: [] });
  const running = await eventually("the request", () => client.requests[0]);
  const drained = agent.drain("over");
  expect(await link.message("drain")).toMatchObject({ reason: "over" });
  expect(asks).toEqual([]);
  expect(client.isClosed).toBe(false);
  running.say("all of it");
  expect((await link.endOf(1)).type).toBe(RecordType.end);
  expect(link.textOf(1)).toBe("all of it");
  await drained;
  expect(await link.closed).toEqual({ code: 1000, reason: "over" });
  expect(client.isClosed).toBe(true);
  expect(exchange.dialled).toBe(1);
});

test("a lost socket stops nothing: the session goes on over another, and no ask is placed anew", async () => {
  exchange.script = { resumes: true };
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  link.open(1, { messages: [] });
  const running = await eventually("the request", () => client.requests[0]);
  running.push({ type: "text", text: "before " });
  await eventually("the first delta", () => link.recordsOf(1, RecordType.delta)[0]);
  for (const times of [2, 3, 4]) {
    await eventually("both sockets", () => link.sockets[1]);
    link.cutCarrier();
    await link.attached(times);
  }
  link.terminate();
  running.say("after");
  expect((await link.endOf(1)).type).toBe(RecordType.end);
  expect(link.textOf(1)).toBe("before after");
  expect(await link.message("running")).toMatchObject({ attempts: ["attempt-1"] });
  expect(link.messages.filter(({ type }) => type === "supply")).toHaveLength(1);
  await agent.drain("over");
});

test("a session that the exchange does not know stops what ran in it, and the agent comes back with the same ask", async () => {
  const agent = agentWith();
  await agent.start();
  const first = await exchange.link(0);
  first.open(1, { messages: [] });
  const running = await eventually("the request", () => client.requests[0]);
  first.terminate();
  const second = await exchange.link(1);
  await second.message("supply");
  expect(running.signal.aborted).toBe(true);
  expect(agent.activeDeliveries).toBe(0);
  await second.message("call");
  second.open(1, { messages: [] }, { attemptId: "attempt-anew" });
  (await eventually("a request anew", () => client.requests[1])).say("anew");
  await second.endOf(1);
  expect(second.textOf(1)).toBe("anew");
  expect(asks).toHaveLength(1);
  await agent.drain("over");
});

test.each<[string, Partial<AgentOptions>, string]>([
  [
    "an instrument that the exchange does not list",
    { quote: { symbol: "text-none", price: "1", quantity: "1" } },
    'lists no "text-none"; it has text-test',
  ],
  [
    "a server that is too slow",
    { measurement: { ...MEASUREMENT, tokensPerSecondP50: 1 } },
    "1.0 tokens/s, at least 5",
  ],
])("%s ends the start with a reason, and nothing is dialled again", async (_name, options, why) => {
  const agent = agentWith(options);
  await expect(agent.start()).rejects.toThrow(why);
  expect(exchange.dialled).toBe(1);
  expect(givenUp).toEqual([]);
  await agent.drain("over");
});

test("a backend that hangs is not offered until a probe is answered, and then it is again", async () => {
  let answers = false;
  client.complete = async () => {
    if (!answers) throw new BackendError("timeout", "nothing came");
    const counts = { promptTokens: null, completionTokens: null };
    return { body: Buffer.from("{}"), finishReason: null, ...counts };
  };
  const agent = agentWith({ watch: { hangsMax: 3, probePauseMs: 5 } });
  await agent.start();
  const link = await exchange.link(0);
  for (const stream of [1, 2, 3]) {
    link.open(stream, { messages: [] });
    const asked = await eventually("the request", () => client.requests[stream - 1]);
    asked.push(new BackendError("timeout", "the first token did not come"));
    expect((await link.endOf(stream)).value).toMatchObject({ code: "timeout" });
  }
  const supplies = () => link.messages.filter(({ type }) => type === "supply");
  await eventually("an empty supply", () => supplies()[1]);
  expect(supplies()[1]).toMatchObject({ instruments: [] });
  link.open(4, { messages: [] });
  expect((await link.endOf(4)).value).toMatchObject({ code: "backend-unreachable" });
  answers = true;
  await eventually("the supply again", () => supplies()[2]);
  expect(supplies()[2]).toMatchObject({ instruments: [{ symbol: "text-test" }] });
  await agent.drain("over");
});

test("told to go, an agent finishes what runs and links again, not before the wished time", async () => {
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  link.open(1, { messages: [] });
  const running = await eventually("the request", () => client.requests[0]);
  link.send({ type: "go-away", reason: "update", deadlineMs: 5_000, reconnectMs: 60 });
  await new Promise((resolve) => setImmediate(resolve));
  running.say("all of it");
  expect((await link.endOf(1)).type).toBe(RecordType.end);
  expect(await link.closed).toEqual({ code: 1000, reason: "update" });
  const closedAtMs = performance.now();
  await exchange.link(1);
  expect(performance.now() - closedAtMs).toBeGreaterThan(50);
  await agent.drain("over");
});

test("an agent that is replaced by another with its key gives up, and says so", async () => {
  const agent = agentWith();
  await agent.start();
  (await exchange.link(0)).close(4409, "a newer link of this node took over");
  const reason = await eventually("the end", () => givenUp[0]);
  expect(reason.message).toContain("another agent runs with this node's key");
  expect(exchange.dialled).toBe(1);
  await agent.drain("over");
});

test("a socket that is lost in a drain is opened anew for what still runs", async () => {
  exchange.script = { resumes: true };
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  link.open(1, { messages: [] });
  const running = await eventually("the request", () => client.requests[0]);
  const drained = agent.drain("over");
  await link.message("drain");
  const before = link.attachments;
  link.terminate();
  await link.attached(before + 1);
  running.say("all of it");
  expect((await link.endOf(1)).type).toBe(RecordType.end);
  await drained;
});

test("an agent whose spare socket tells of its replacement does not throw the other out", async () => {
  exchange.script = { resumes: true };
  const agent = agentWith();
  await agent.start();
  const link = await exchange.link(0);
  await eventually("both sockets", () => link.sockets[1]);
  link.sockets[1]?.close(4409, "a newer session of this node took over");
  const reason = await eventually("the end", () => givenUp[0]);
  expect(reason.message).toContain("another agent runs with this node's key");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(exchange.dialled).toBe(1);
  expect(givenUp).toHaveLength(1);
  await agent.drain("over");
});

test("more slots than connections to the backend are refused", () => {
  expect(() => agentWith({ slots: 5 })).toThrow("5 slots, but only 4 connections");
});
