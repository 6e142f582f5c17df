import { afterEach, beforeEach, expect, test } from "vitest";
import { RUNNING_ATTEMPTS_MAX } from "#protocol/link-messages.ts";
import { encodeAcknowledgement, RecordType } from "#protocol/link-records.ts";
import { eventually } from "./scripted-exchange.fixture.ts";
import { delta, type SessionTest, startSessionTest } from "./session.fixture.ts";

let all: SessionTest;
beforeEach(async () => {
  all = await startSessionTest();
});
afterEach(() => all.close());

test("a call outlives the socket that it was asked on", async () => {
  all.exchange.script = { resumes: true };
  const { session, link } = await all.linked();
  const asked = session.call("market", { symbol: "a" });
  await eventually("the call", () => link.messages[0]);
  link.cutCarrier();
  link.send({ type: "reply", id: 1, ok: true, result: "A" });
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  await all.another(session);
  expect(await asked).toBe("A");
  await session.close("over");
});

test("what was on the way when a socket is lost comes once, in order, in both directions", async () => {
  all.exchange.script = { resumes: true };
  const { session, link } = await all.linked();
  for (let sequence = 0; sequence < 50; sequence += 1) {
    session.sendRecord(delta(sequence));
    link.sendRecord(RecordType.credit, 1, Buffer.alloc(4));
    if (sequence % 10 === 5) {
      const times = link.attachments;
      link.cutCarrier();
      await eventually("the loss", () => (session.isLinked ? undefined : true));
      await all.another(session);
      await link.attached(times + 1);
    }
  }
  await eventually("all records", () => (link.records[49] && all.taken[49] ? true : undefined));
  const order = [...Array(50).keys()];
  expect(link.records.map(({ sequence }) => sequence)).toEqual(order);
  expect(all.taken.map(({ sequence }) => sequence)).toEqual(order);
  await session.close("over");
});

test("a socket that stands by carries on at once when the other is lost", async () => {
  all.exchange.script = { resumes: true };
  const { session, link } = await all.linked();
  await all.another(session);
  session.sendRecord(delta(0), "now");
  link.cutCarrier();
  await link.attached(2);
  session.sendRecord(delta(1));
  await eventually("both records", () => link.records[1]);
  expect(link.records.map(({ sequence }) => sequence)).toEqual([0, 1]);
  expect(all.exchange.dialled).toBe(1);
  await session.close("over");
});

test("a socket that is open and carries nothing is left for the one that stands by", async () => {
  all.exchange.script = { resumes: true, heartbeatMs: 20 };
  const { session, link } = await all.linked();
  await all.another(session);
  session.sendRecord(delta(0), "now");
  await eventually("the first record", () => link.records[0]);
  link.deadenCarrier();
  session.sendRecord(delta(1), "now");
  await link.attached(2);
  session.sendRecord(delta(2));
  await eventually("all records", () => link.records[2]);
  expect(link.records.map(({ sequence }) => sequence)).toEqual([0, 1, 2]);
  await session.close("over");
});

test("after a move the agent lists what runs, and stops what the exchange does not know", async () => {
  all.exchange.script = { resumes: true };
  const { session, link } = await all.linked();
  all.running = Array.from({ length: RUNNING_ATTEMPTS_MAX + 1 }, (_, index) => `attempt-${index}`);
  link.sendRecord(RecordType.credit, 1, Buffer.alloc(4));
  await eventually("the credit", () => all.taken[0]);
  link.cutCarrier();
  await eventually("the loss", () => (session.isLinked ? undefined : true));
  await all.another(session);
  await eventually("two lists", () => link.messages[1]);
  expect(link.messages).toEqual([
    { type: "running", received: 1, attempts: all.running.slice(0, -1), more: true },
    { type: "running", received: 1, attempts: all.running.slice(-1), more: false },
  ]);
  link.send({ type: "reconciled", keep: ["attempt-0"], cancel: ["attempt-1"] });
  await eventually("the verdict", () => all.cancelled[0]);
  expect(all.cancelled).toEqual(["attempt-1"]);
  await session.close("over");
});

test("output waits while too much is not acknowledged, and goes on when it is", async () => {
  all.exchange.script = { resumes: true };
  const { session, link } = await all.linked();
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
  const { session, link } = await all.linked();
  link.isSilent = true;
  for (let sequence = 0; session.isOpen; sequence += 1) {
    expect(sequence).toBeLessThan(200);
    session.sendRecord(delta(sequence, 65_536));
  }
  expect((await session.closed).reason).toBe("nothing is acknowledged");
});
