import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeAcknowledgement, encodeJsonRecord, RecordType } from "#protocol/link-records.ts";
import { CALLS_OUTSTANDING_MAX } from "./calls.ts";
import { eventually, type ScriptedLink } from "./scripted-exchange.fixture.ts";
import { delta, type SessionTest, startSessionTest } from "./session.fixture.ts";

let all: SessionTest;
beforeEach(async () => {
  all = await startSessionTest();
});
afterEach(() => all.close());

test("records of one turn leave as one message, an urgent one does not wait", async () => {
  const { session, link } = await all.linked();
  session.sendRecord(delta(0), "now");
  for (let sequence = 1; sequence <= 20; sequence += 1) session.sendRecord(delta(sequence));
  await eventually("21 records", () => link.records[20]);
  expect(link.batches).toEqual([1, 20]);
  await session.close("over");
});

test("a turn with more than a message may hold makes several", async () => {
  const { session, link } = await all.linked();
  for (let sequence = 0; sequence < 40; sequence += 1) session.sendRecord(delta(sequence, 65_536));
  await eventually("40 records", () => link.records[39]);
  expect(link.batches.length).toBeGreaterThan(2);
  expect(link.records.map(({ sequence }) => sequence)).toEqual([...Array(40).keys()]);
  await session.close("over");
});

test("what came behind the welcome is not lost", async () => {
  const ping = { type: "ping", sentAtMs: 7, active: 0 };
  all.exchange.script = { behindWelcome: [encodeJsonRecord(RecordType.channel, 0, 0, ping)] };
  const { session, link } = await all.linked();
  await eventually("a pong", () => link.heard.find(({ type }) => type === "pong"));
  expect(link.heard).toContainEqual({ type: "pong", sentAtMs: 7 });
  await session.close("over");
});

const pingsOf = (link: ScriptedLink) => link.heard.filter(({ type }) => type === "ping");

test("the heartbeat tells how many deliveries are open, and answers keep the link", async () => {
  all.exchange.script = { heartbeatMs: 20 };
  const { session, link } = await all.linked();
  await eventually("five pings", () => pingsOf(link)[4]);
  expect(pingsOf(link)[0]).toMatchObject({ active: 3 });
  expect(session.isLinked).toBe(true);
  await session.close("over");
});

test("heartbeats that stay unanswered end the socket, and the session when none comes in its place", async () => {
  all.exchange.script = { heartbeatMs: 20, resumeMs: 50 };
  const { session, link } = await all.linked();
  link.isSilent = true;
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  expect(session.isOpen).toBe(true);
  expect(await session.closed).toEqual({ code: 1006, reason: "nothing heard for 40 ms" });
  expect(session.isOpen).toBe(false);
});

test("calls find their answers by id, in any order, and refusals keep their code", async () => {
  const { session, link } = await all.linked();
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
  all.exchange.script = { resumeMs: 10 };
  const { session, link } = await all.linked();
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
  const { session, link } = await all.linked();
  link.raw(bytes);
  const end = await link.closed;
  expect(end.code).toBe(4400);
  expect(end.reason).toMatch(reason);
  await session.closed;
});

test("a reason longer than a close frame is cut between characters", async () => {
  const { session, link } = await all.linked();
  await session.close("ä".repeat(200));
  expect((await link.closed).reason).toBe("ä".repeat(61));
});
