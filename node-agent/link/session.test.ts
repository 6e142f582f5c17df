import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import type { Hello } from "#protocol/link-channel.ts";
import { type Fill, RUNNING_ATTEMPTS_MAX } from "#protocol/link-messages.ts";
import {
  encodeAcknowledgement,
  encodeJsonRecord,
  encodeRecord,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { CALLS_OUTSTANDING_MAX } from "./calls.ts";
import type { AgentChannel } from "./channel.ts";
import { openLink } from "./handshake.ts";
import {
  eventually,
  type ScriptedExchange,
  type ScriptedLink,
  startScriptedExchange,
} from "./scripted-exchange.fixture.ts";
import { AgentSession } from "./session.ts";

let dir = "";
let exchange: ScriptedExchange;
let fills: Fill[] = [];
let taken: LinkRecord[] = [];
let cancelled: string[] = [];
let running: string[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-session-"));
  exchange = await startScriptedExchange();
  fills = [];
  taken = [];
  cancelled = [];
  running = [];
});
afterEach(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

async function dial(session?: Hello["session"]) {
  return openLink(
    {
      exchangeUrl: exchange.url,
      nodeName: "node",
      joinToken: exchange.joinToken,
      build: "test",
      session,
    },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, exchange.joinToken) },
  );
}

async function linked(): Promise<{ session: AgentSession; link: ScriptedLink }> {
  const open = await dial();
  const session = new AgentSession(open.welcome, {
    onRecord: (record) => taken.push(record),
    onFill: (fill) => fills.push(fill),
    onGoAway() {},
    onResumed() {},
    onCancel: (attemptIds) => cancelled.push(...attemptIds),
    onClose() {},
    activeDeliveries: () => 3,
    runningAttempts: () => running,
  });
  session.join(open);
  const link = await exchange.link(0);
  await link.attached();
  return { session, link };
}

/** Opens a further socket for the session and has it joined. */
async function another(session: AgentSession): Promise<AgentChannel> {
  const { sessionId: id, epoch } = session.welcome;
  return session.join(await dial({ id, epoch, onlyThis: true }));
}

const delta = (sequence: number, bytes = 10, stream = 1) =>
  encodeRecord(RecordType.delta, stream, sequence, Buffer.alloc(bytes, 97), { count: 1 });

test("records of one turn leave as one message, an urgent one does not wait", async () => {
  const { session, link } = await linked();
  session.sendRecord(delta(0), true);
  for (let sequence = 1; sequence <= 20; sequence += 1) session.sendRecord(delta(sequence));
  await eventually("21 records", () => link.records[20]);
  expect(link.batches).toEqual([1, 20]);
  await session.close("over");
});

test("a turn with more than a message may hold makes several", async () => {
  const { session, link } = await linked();
  for (let sequence = 0; sequence < 40; sequence += 1) session.sendRecord(delta(sequence, 65_536));
  await eventually("40 records", () => link.records[39]);
  expect(link.batches.length).toBeGreaterThan(2);
  expect(link.records.map(({ sequence }) => sequence)).toEqual([...Array(40).keys()]);
  await session.close("over");
});

test("what came behind the welcome is not lost", async () => {
  const ping = { type: "ping", sentAtMs: 7, active: 0 };
  exchange.script = { behindWelcome: [encodeJsonRecord(RecordType.channel, 0, 0, ping)] };
  const { session, link } = await linked();
  await eventually("a pong", () => link.heard.find(({ type }) => type === "pong"));
  expect(link.heard).toContainEqual({ type: "pong", sentAtMs: 7 });
  await session.close("over");
});

const pingsOf = (link: ScriptedLink) => link.heard.filter(({ type }) => type === "ping");

test("the heartbeat tells how many deliveries are open, and answers keep the link", async () => {
  exchange.script = { heartbeatMs: 20 };
  const { session, link } = await linked();
  await eventually("five pings", () => pingsOf(link)[4]);
  expect(pingsOf(link)[0]).toMatchObject({ active: 3 });
  expect(session.isLinked).toBe(true);
  await session.close("over");
});

test("two unanswered heartbeats end the socket, and the session when none comes in its place", async () => {
  exchange.script = { heartbeatMs: 20, resumeMs: 50 };
  const { session, link } = await linked();
  link.isSilent = true;
  const before = pingsOf(link).length;
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  expect(session.isOpen).toBe(true);
  expect(await session.closed).toEqual({ code: 1006, reason: "nothing heard for 2 heartbeats" });
  expect(pingsOf(link).length - before).toBeLessThanOrEqual(2);
  expect(session.isOpen).toBe(false);
});

test("calls find their answers by id, in any order, and refusals keep their code", async () => {
  const { session, link } = await linked();
  const first = session.call("market", { symbol: "a" });
  const second = session.call("market", { symbol: "b" });
  const third = session.call("cancel-ask", { orderId: "x" });
  await eventually("three calls", () => link.messages[2]);
  link.send({ type: "reply", id: 2, ok: true, result: "B" });
  link.send({ type: "reply", id: 1, ok: true, result: "A" });
  link.send({ type: "reply", id: 3, ok: false, error: { code: "order-not-found", message: "no" } });
  expect(await Promise.all([first, second])).toEqual(["A", "B"]);
  await expect(third).rejects.toMatchObject({ code: "order-not-found", message: "no" });
  await session.close("over");
});

test("only so many calls may wait, and all of them learn when the session is over", async () => {
  exchange.script = { resumeMs: 10 };
  const { session, link } = await linked();
  const waiting = Array.from({ length: CALLS_OUTSTANDING_MAX }, () =>
    session.call("list-asks", {}),
  );
  const settled = Promise.allSettled(waiting);
  await expect(session.call("list-asks", {})).rejects.toMatchObject({ code: "too-many-calls" });
  link.terminate();
  for (const each of await settled) {
    expect(each).toMatchObject({ status: "rejected", reason: { code: "link-lost" } });
  }
  await expect(session.call("list-asks", {})).rejects.toMatchObject({ code: "link-lost" });
});

test("a call outlives the socket that it was asked on", async () => {
  exchange.script = { resumes: true };
  const { session, link } = await linked();
  const asked = session.call("market", { symbol: "a" });
  await eventually("the call", () => link.messages[0]);
  link.cutCarrier();
  link.send({ type: "reply", id: 1, ok: true, result: "A" });
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  await another(session);
  expect(await asked).toBe("A");
  await session.close("over");
});

test("what was on the way when a socket is lost comes once, in order, in both directions", async () => {
  exchange.script = { resumes: true };
  const { session, link } = await linked();
  for (let sequence = 0; sequence < 50; sequence += 1) {
    session.sendRecord(delta(sequence));
    link.sendRecord(RecordType.credit, 1, Buffer.alloc(4));
    if (sequence % 10 === 5) {
      const times = link.attachments;
      link.cutCarrier();
      await eventually("the loss", () => (session.isLinked ? undefined : true));
      await another(session);
      await link.attached(times + 1);
    }
  }
  await eventually("all records", () => (link.records[49] && taken[49] ? true : undefined));
  const all = [...Array(50).keys()];
  expect(link.records.map(({ sequence }) => sequence)).toEqual(all);
  expect(taken.map(({ sequence }) => sequence)).toEqual(all);
  await session.close("over");
});

test("a socket that stands by carries on at once when the other is lost", async () => {
  exchange.script = { resumes: true };
  const { session, link } = await linked();
  await another(session);
  session.sendRecord(delta(0), true);
  link.cutCarrier();
  await link.attached(2);
  session.sendRecord(delta(1));
  await eventually("both records", () => link.records[1]);
  expect(link.records.map(({ sequence }) => sequence)).toEqual([0, 1]);
  expect(exchange.dialled).toBe(1);
  await session.close("over");
});

test("after a move the agent lists what runs, and stops what the exchange does not know", async () => {
  exchange.script = { resumes: true };
  const { session, link } = await linked();
  running = Array.from({ length: RUNNING_ATTEMPTS_MAX + 1 }, (_, index) => `attempt-${index}`);
  link.sendRecord(RecordType.credit, 1, Buffer.alloc(4));
  await eventually("the credit", () => taken[0]);
  link.cutCarrier();
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  await another(session);
  await eventually("two lists", () => link.messages[1]);
  expect(link.messages).toEqual([
    { type: "running", received: 1, attempts: running.slice(0, -1), more: true },
    { type: "running", received: 1, attempts: running.slice(-1), more: false },
  ]);
  link.send({ type: "reconciled", keep: ["attempt-0"], cancel: ["attempt-1"] });
  await eventually("the verdict", () => cancelled[0]);
  expect(cancelled).toEqual(["attempt-1"]);
  await session.close("over");
});

test("output waits while too much is not acknowledged, and goes on when it is", async () => {
  exchange.script = { resumes: true };
  const { session, link } = await linked();
  link.isSilent = true;
  expect(session.room()).toBe(null);
  for (let sequence = 0; sequence <= 32; sequence += 1) {
    session.sendRecord(delta(sequence, 65_536));
  }
  const room = session.room();
  expect(room).not.toBe(null);
  await eventually("all records", () => link.records[32]);
  link.raw(encodeAcknowledgement(33));
  await room;
  expect(session.room()).toBe(null);
  await session.close("over");
});

test("an exchange that acknowledges nothing ends the session before memory does", async () => {
  const { session, link } = await linked();
  link.isSilent = true;
  for (let sequence = 0; session.isOpen; sequence += 1) {
    expect(sequence).toBeLessThan(200);
    session.sendRecord(delta(sequence, 65_536));
  }
  expect((await session.closed).reason).toBe("nothing is acknowledged");
});

test.each<[string, Buffer, RegExp]>([
  ["noise", Buffer.from("just text"), /record header/],
  [
    "a gap in the control sequence",
    encodeJsonRecord(RecordType.control, 0, 9, { type: "draining", open: 0 }),
    /control sequence 9, expected 0/,
  ],
  [
    "a handshake message after the handshake",
    encodeJsonRecord(RecordType.channel, 0, 0, {
      type: "refused",
      code: "late",
      message: "no",
      retryable: true,
    }),
    /refused after the handshake/,
  ],
  ["a delta on the control stream", delta(2, 1, 0), /record type 4 on stream 0/],
  ["an acknowledgement of what was never sent", encodeAcknowledgement(9), /9 records acknowledged/],
])("%s closes the link with a reason", async (_name, bytes, reason) => {
  const { session, link } = await linked();
  link.raw(bytes);
  const end = await link.closed;
  expect(end.code).toBe(4400);
  expect(end.reason).toMatch(reason);
  await session.closed;
});

test("a reason longer than a close frame is cut between characters", async () => {
  const { session, link } = await linked();
  await session.close("ä".repeat(200));
  expect((await link.closed).reason).toBe("ä".repeat(61));
});
