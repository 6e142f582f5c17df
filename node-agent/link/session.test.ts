import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import type { Fill } from "#protocol/link-messages.ts";
import { encodeJsonRecord, encodeRecord, RecordType } from "#protocol/link-records.ts";
import { CALLS_OUTSTANDING_MAX } from "./calls.ts";
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

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-session-"));
  exchange = await startScriptedExchange();
  fills = [];
});
afterEach(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

async function linked(): Promise<{ session: AgentSession; link: ScriptedLink }> {
  const open = await openLink(
    { exchangeUrl: exchange.url, nodeName: "node", joinToken: exchange.joinToken, build: "test" },
    { identity: loadIdentity(dir), pin: loadExchangePin(dir, exchange.joinToken) },
  );
  const session = new AgentSession(open, {
    onRecord() {},
    onFill: (fill) => fills.push(fill),
    onDrain() {},
    onClose() {},
    activeDeliveries: () => 3,
  });
  session.begin();
  return { session, link: await exchange.link(0) };
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
  const fill = { orderId: "o", symbol: "text-test", price: "0.5", quantity: "1" };
  exchange.script = {
    behindWelcome: [
      { type: "fill", ...fill },
      { type: "ping", sentAtMs: 7, active: 0 },
    ],
  };
  const { session, link } = await linked();
  expect(fills).toMatchObject([fill]);
  expect(await link.message("pong")).toMatchObject({ sentAtMs: 7 });
  await session.close("over");
});

test("the heartbeat tells how many deliveries are open, and answers keep the link", async () => {
  exchange.script = { heartbeatMs: 20 };
  const { session, link } = await linked();
  await eventually("five pings", () => link.messages.filter(({ type }) => type === "ping")[4]);
  expect(await link.message("ping")).toMatchObject({ active: 3 });
  expect(session.isOpen).toBe(true);
  await session.close("over");
});

test("two unanswered heartbeats end the link", async () => {
  exchange.script = { heartbeatMs: 20 };
  const { session, link } = await linked();
  link.isSilent = true;
  expect(await session.closed).toEqual({ code: 1006, reason: "nothing heard for 2 heartbeats" });
  expect(link.messages.filter(({ type }) => type === "ping").length).toBeLessThanOrEqual(2);
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

test("only so many calls may wait, and all of them learn when the link is lost", async () => {
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

test.each<[string, Buffer, RegExp]>([
  ["noise", Buffer.from("just text"), /record header/],
  [
    "a gap in the control sequence",
    encodeJsonRecord(RecordType.control, 0, 9, { type: "ping", sentAtMs: 0, active: 0 }),
    /control sequence 9, expected 2/,
  ],
  [
    "a handshake message after the handshake",
    encodeJsonRecord(RecordType.control, 0, 2, {
      type: "refused",
      code: "late",
      message: "no",
      retryable: true,
    }),
    /refused after the handshake/,
  ],
  ["a delta on the control stream", delta(2, 1, 0), /record type 4 on stream 0/],
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
