import http, { type IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { RecordType } from "#protocol/link-records.ts";
import { eventually, type ScriptedAgent, startLink, type TestLink } from "./link.fixture.ts";
import type { LinkServerOptions } from "./link-server.ts";
import { SESSION_TIMES } from "./session.ts";

let link: TestLink;
let agent: ScriptedAgent;
afterEach(() => link.close());

async function start(options: LinkServerOptions = {}): Promise<void> {
  link = await startLink(options);
  agent = await link.agent("sam");
}
const times = (fields: Partial<typeof SESSION_TIMES>) => ({
  times: { ...SESSION_TIMES, ...fields },
});
const session = () => link.registry.sessionsOf(agent.account)[0];
const lost = () => eventually("the loss", () => (session()?.isUp ? undefined : true));
const isLinked = () => [...link.market.state.nodes.values()].some((node) => node.session !== null);

describe("a lost socket", () => {
  test("leaves its streams where they were: they go on over the next one, no byte twice", async () => {
    await start();
    const first = link.dispatch(agent);
    const second = link.dispatch(agent);
    await agent.request(2);
    for (const stream of [1, 2]) agent.accept(stream);
    agent.delta(1, "one ");
    await eventually("the first delta", () => first.text || undefined);
    agent.cut();
    await lost();
    // Said while nobody hears it.
    agent.delta(1, "two ");
    agent.delta(2, "zwei");
    await agent.resume();
    agent.delta(1, "three");
    agent.end(1, 13);
    agent.end(2, 4);
    expect([await first.ended(), await second.ended()]).toEqual(["served", "served"]);
    expect([first.text, second.text]).toEqual(["one two three", "zwei"]);
    expect(link.integrity).toEqual([]);
  });

  test("takes the asks out of the book at once, and brings them back with the session", async () => {
    await start();
    expect(isLinked()).toBe(true);
    agent.cut();
    await lost();
    expect(isLinked()).toBe(false);
    expect(link.registry.availability(agent.account)).toEqual({ isLinked: false, freeSlots: 0 });
    await agent.resume();
    expect(isLinked()).toBe(true);
    expect(link.registry.availability(agent.account)).toEqual({ isLinked: true, freeSlots: 8 });
    expect(link.registry.availability(agent.account, "other").freeSlots).toBe(0);
  });

  test("gets no new delivery", async () => {
    await start();
    agent.cut();
    await lost();
    expect(await link.dispatch(agent).ended()).toBe("no-node");
  });

  test("is waited for less long by an attempt without output, which the agent is told to stop", async () => {
    await start(times({ resumeBeforeOutputMs: 20 }));
    const begun = link.dispatch(agent);
    const waiting = link.dispatch(agent);
    await agent.request(2);
    for (const stream of [1, 2]) agent.accept(stream);
    agent.delta(1, "one");
    await eventually("the first delta", () => begun.text || undefined);
    agent.cut();
    expect(await waiting.ended()).toBe("link-lost");
    expect(begun.ends).toBe(0);
    await agent.resume();
    await eventually("the cancel", () => agent.cancelled(2) || undefined);
    agent.end(1, 3);
    expect(await begun.ended()).toBe("served");
  });

  test("that is not replaced in time ends its attempts as lost, and the session with them", async () => {
    await start(times({ resumeMs: 40, resumeBeforeOutputMs: 20 }));
    const begun = link.dispatch(agent);
    await agent.request(1);
    agent.accept(1);
    agent.delta(1, "one");
    await eventually("the first delta", () => begun.text || undefined);
    agent.cut();
    expect(await begun.ended()).toBe("link-lost");
    expect(begun.error?.message).toContain("did not come back");
    const { sessionId } = agent.welcome ?? {};
    await agent.dial(agent.session());
    expect(agent.welcome?.sessionId).not.toBe(sessionId);
  });
});

describe("a socket that stands by", () => {
  test("carries on when the other is lost: the node stays linked meanwhile", async () => {
    await start();
    const running = link.dispatch(agent);
    await agent.request(1);
    agent.accept(1);
    agent.delta(1, "one ");
    const carrier = agent.carrier;
    await agent.dial(agent.session(true));
    carrier?.terminate();
    await agent.closed();
    agent.delta(1, "two");
    await eventually("no free slot", () => (session()?.freeSlots === 0 ? true : undefined));
    expect(isLinked()).toBe(true);
    expect(session()?.serves(SYMBOL)).toBe(true);
    await agent.attach();
    agent.end(1, 7);
    expect(await running.ended()).toBe("served");
    expect(running.text).toBe("one two");
  });

  test("takes over from one that still lives, which is closed and heard no more", async () => {
    await start();
    const running = link.dispatch(agent);
    await agent.request(1);
    agent.accept(1);
    agent.delta(1, "one");
    await eventually("the first delta", () => running.text || undefined);
    const former = agent.carrier;
    await agent.dial(agent.session(true));
    const attached = agent.attach();
    former?.send(agent.sent.at(-1) as Buffer);
    await attached;
    expect((await agent.closed()).code).toBe(4410);
    agent.end(1, 3);
    expect(await running.ended()).toBe("served");
    expect(running.text).toBe("one");
  });

  test("makes room for a third, and is refused where its session is over", async () => {
    await start();
    await agent.dial(agent.session(true));
    await agent.dial(agent.session(true));
    expect(await agent.closed()).toMatchObject({ code: 4410 });
    const unknown = { id: "unknown", epoch: Number.MAX_SAFE_INTEGER, onlyThis: true };
    expect(await agent.dial(unknown)).toMatchObject({ code: "session-unknown", retryable: true });
  });
});

describe("a newer session of the same node", () => {
  test("ends the old one and its attempts at once; the old one may not come back", async () => {
    await start();
    const running = link.dispatch(agent);
    await agent.request(1);
    const old = agent.session();
    await agent.dial();
    expect(await running.ended()).toBe("link-lost");
    expect((await agent.closed()).code).toBe(4409);
    expect(await agent.dial(old)).toMatchObject({ code: "replaced", retryable: false });
  });
});

describe("after a move both sides compare what they have", () => {
  test("what the agent lost is over, what the exchange lost is cancelled, what is newer is left", async () => {
    await start();
    const known = link.dispatch(agent);
    const forgotten = link.dispatch(agent);
    await agent.request(2);
    for (const stream of [1, 2]) agent.accept(stream);
    agent.say({
      type: "running",
      received: agent.taken,
      attempts: [known.attemptId, "attempt-of-nobody"],
      more: false,
    });
    expect(await forgotten.ended()).toBe("link-lost");
    await eventually("the verdict", () => agent.messages.find(({ type }) => type === "reconciled"));
    expect(agent.messages.at(-1)).toEqual({
      type: "reconciled",
      keep: [known.attemptId],
      cancel: ["attempt-of-nobody"],
    });
    const newer = link.dispatch(agent);
    agent.say({ type: "running", received: 0, attempts: [], more: false });
    await eventually(
      "the verdict",
      () => agent.messages.filter(({ type }) => type === "reconciled")[1],
    );
    expect([known.ends, newer.ends]).toEqual([0, 0]);
  });
});

describe("an attempt's times", () => {
  test("are on the exchange's clock, with the link's round trip", async () => {
    await start();
    const startMs = performance.now();
    const running = link.dispatch(agent);
    await agent.request(1);
    await eventually("the dispatch", () => running.attempt.clock().dispatchedMs ?? undefined);
    expect(running.attempt.clock()).toMatchObject({ acceptedMs: null, firstOutputMs: null });
    agent.accept(1);
    agent.delta(1, "a");
    await eventually("the first delta", () => running.text || undefined);
    agent.delta(1, "b");
    agent.end(1, 2);
    await running.ended();
    const { dispatchedMs, acceptedMs, firstOutputMs, lastOutputMs, rttMs } = running.clock ?? {};
    const all = [startMs, dispatchedMs, acceptedMs, firstOutputMs, lastOutputMs, performance.now()];
    expect(all).toEqual([...all].sort((a, b) => Number(a) - Number(b)));
    expect(rttMs).toBeGreaterThan(0);
    expect(rttMs).toBeLessThan(1_000);
  });

  test("an attempt that is not accepted in time fails, and the agent is told to stop", async () => {
    await start(times({ acceptMs: 30 }));
    const ignored = link.dispatch(agent);
    expect(await ignored.ended()).toBe("no-accept");
    expect(ignored.clock).toMatchObject({ acceptedMs: null, firstOutputMs: null });
    expect(ignored.clock?.dispatchedMs).not.toBe(null);
    await eventually("the cancel", () => agent.cancelled(1) || undefined);
  });

  test("an accepted attempt may take longer", async () => {
    await start(times({ acceptMs: 30 }));
    const slow = link.dispatch(agent, { firstTokenTimeoutMs: 100 });
    await agent.request(1);
    agent.accept(1);
    expect(await slow.ended()).toBe("timeout");
  });
});

describe("requests", () => {
  test("a large one goes up as far as it is acknowledged, and holds up no small one", async () => {
    await start();
    agent.isSilent = true;
    const large = Buffer.alloc(12 * 1024 * 1024, 97);
    link.dispatch(agent, { body: large });
    link.dispatch(agent);
    await agent.request(2);
    const bytes = () =>
      agent.records
        .filter(({ stream, type }) => stream === 1 && type === RecordType.requestBody)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    expect(bytes()).toBeLessThan(3 * 1024 * 1024);
    agent.isSilent = false;
    agent.channel({ type: "ping", sentAtMs: 0, active: 0 });
    await agent.request(1);
    expect(bytes()).toBe(large.length);
    expect(link.integrity).toEqual([]);
  });
});

describe("leaving", () => {
  test("a drain is acknowledged with what is open, and takes no new delivery", async () => {
    await start();
    const running = link.dispatch(agent);
    await agent.request(1);
    agent.say({ type: "drain", reason: "update", deadlineMs: 1_000 });
    await eventually("the answer", () => agent.messages[0]);
    expect(agent.messages).toEqual([{ type: "draining", open: 1 }]);
    expect(await link.dispatch(agent).ended()).toBe("no-node");
    agent.accept(1);
    agent.delta(1, "x");
    agent.end(1, 1);
    expect(await running.ended()).toBe("served");
  });

  test("an agent that closes in order is not waited for", async () => {
    await start();
    const running = link.dispatch(agent);
    await agent.request(1);
    agent.carrier?.close(1000, "over");
    expect(await running.ended()).toBe("link-lost");
    expect(link.registry.all()).toEqual([]);
  });

  test("an exchange that goes says when to come back", async () => {
    await start();
    link.links.goAway({ reason: "update", deadlineMs: 500, reconnectMs: 2_000 });
    await eventually("the word", () => agent.messages[0]);
    expect(agent.messages).toEqual([
      { type: "go-away", reason: "update", deadlineMs: 500, reconnectMs: 2_000 },
    ]);
    expect(isLinked()).toBe(false);
    expect(await link.dispatch(agent).ended()).toBe("no-node");
  });
});

test("hellos beyond the rate are turned away, and told when to come back", async () => {
  await start({ hellos: { perSecond: 0.5, burst: 2 } });
  expect(await agent.dial(agent.session())).toMatchObject({ type: "welcome" });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { connection: "upgrade", upgrade: "websocket" };
    http.get(link.url.replace("ws", "http"), { headers }, resolve).on("error", reject);
  });
  expect(response.statusCode).toBe(503);
  expect(Number(response.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  await expect(agent.dial(agent.session())).rejects.toThrow();
});
