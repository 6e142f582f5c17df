/** Everything a hostile agent may send: each is counted and told, and none of it reaches anybody else. */
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  encodeAcknowledgement,
  encodeJsonRecord,
  encodeRecord,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordType,
  STREAM_CREDIT_BYTES,
} from "#protocol/link-records.ts";
import { CHANNEL_LIMITS, type ChannelLimits } from "./channel.ts";
import type { IntegrityKind } from "./integrity.ts";
import {
  eventually,
  type ScriptedAgent,
  startLink,
  type TestAttempt,
  type TestLink,
} from "./link.fixture.ts";

let link: TestLink;
let agent: ScriptedAgent;
let neighbour: ScriptedAgent;
let attempt: TestAttempt;
/** Of another supplier, in mid-stream. */
let bystander: TestAttempt;

beforeEach(() => start());
afterEach(() => link.close());

async function start(limits: ChannelLimits = CHANNEL_LIMITS): Promise<void> {
  link = await startLink({ limits });
  agent = await link.agent("mallory");
  neighbour = await link.agent("sam");
  attempt = link.dispatch(agent);
  bystander = link.dispatch(neighbour);
  for (const each of [agent, neighbour]) {
    await each.request(1);
    each.accept(1);
  }
  neighbour.delta(1, "before ");
}

async function expectUnharmed(): Promise<void> {
  neighbour.delta(1, "after");
  neighbour.end(1, 12);
  expect(await bystander.ended()).toBe("served");
  expect(bystander.text).toBe("before after");
  expect(link.integrity.every(({ account }) => account === agent.account)).toBe(true);
}

const told = (kind: IntegrityKind) =>
  eventually(`a ${kind}`, () => link.integrity.find((event) => event.kind === kind));
const json = (value: unknown) => JSON.stringify(value);
const deep = `{"type":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;

test.each<[string, IntegrityKind, (from: ScriptedAgent) => void]>([
  ["a gap", "gap", (from) => from.record(RecordType.delta, 1, "x", { sequence: 5 })],
  ["output by its bytes that were not sent", "wrong-byte-count", (from) => from.end(1, 7)],
  ["acceptance once more", "wrong-type", (from) => from.accept(1)],
  ["output without a byte", "malformed", (from) => from.delta(1, "")],
  ["an exchange's record", "wrong-type", (from) => from.record(RecordType.cancel, 1)],
  ["a record of a type that is none", "wrong-type", (from) => from.record(99 as RecordType, 1)],
  ["an end that is not JSON", "malformed", (from) => from.record(RecordType.end, 1, "{oops")],
  ["an end of another shape", "malformed", (from) => from.record(RecordType.end, 1, json({}))],
  ["a deep end", "malformed", (from) => from.record(RecordType.end, 1, deep)],
  [
    "an error of a code that is none",
    "malformed",
    (from) => from.record(RecordType.error, 1, json({ code: "x", message: "", status: null })),
  ],
  [
    "more output than was granted",
    "credit-overdrawn",
    (from) => {
      // Granted is what the client takes; nobody takes the bytes of this one.
      attempt.attempt.grant = () => {};
      const part = Buffer.alloc(RECORD_PAYLOAD_BYTES_MAX, 97);
      for (let sent = 0; sent <= STREAM_CREDIT_BYTES; sent += part.length) {
        from.record(RecordType.delta, 1, part);
      }
    },
  ],
])("%s fails its attempt and no other", async (_name, kind, act) => {
  const other = link.dispatch(agent);
  await agent.request(2);
  act(agent);
  expect(await attempt.ended()).toBe("protocol");
  await told(kind);
  agent.accept(2);
  agent.delta(2, "fine");
  agent.end(2, 4);
  expect(await other.ended()).toBe("served");
  expect(agent.closes).toEqual([]);
  await expectUnharmed();
});

test.each([
  ["text where a whole answer was asked for", false, RecordType.delta],
  ["an event where a whole answer was asked for", false, RecordType.event],
  ["a whole answer where a stream was asked for", true, RecordType.body],
])("%s fails the attempt", async (_what, streamed, type) => {
  const other = link.dispatch(agent, { streamed });
  await agent.request(2);
  agent.accept(2);
  agent.record(type, 2, "{}");
  expect(await other.ended()).toBe("protocol");
  await told("wrong-type");
  await expectUnharmed();
});

test("a signature for other output than came is told, and the attempt is served", async () => {
  agent.delta(1, "as it came");
  agent.end(1, 10, "0".repeat(64));
  expect(await attempt.ended()).toBe("served");
  await told("wrong-digest");
  await expectUnharmed();
});

test("output of an attempt that was not accepted fails it", async () => {
  const other = link.dispatch(agent);
  await agent.request(2);
  agent.delta(2, "x");
  expect(await other.ended()).toBe("protocol");
  await told("output-without-accept");
  await expectUnharmed();
});

test.each<[string, IntegrityKind, (from: ScriptedAgent) => void]>([
  ["records for a stream that was not opened", "foreign-stream", (from) => from.delta(7, "x")],
  [
    "records behind the end",
    "frame-after-end",
    (from) => {
      from.delta(1, "hi");
      from.end(1, 2);
      from.delta(1, "x");
    },
  ],
  [
    "records that come again",
    "repeat",
    (from) => {
      from.delta(1, "hi");
      from.record(RecordType.delta, 1, "hi", { sequence: 1 });
      from.record(RecordType.end, 1, "", { sequence: 0 });
    },
  ],
])("%s are dropped and counted, and too many end the session", async (_name, kind, act) => {
  act(agent);
  await told(kind);
  expect(agent.closes).toEqual([]);
  expect(attempt.text).toBe(kind === "foreign-stream" ? "" : "hi");
  const [event] = link.integrity;
  expect(link.links.integrityOf(event?.node ?? 0)[kind]).toBeGreaterThan(0);
  for (let again = 0; again < 70; again += 1) agent.delta(99, "x");
  expect(await agent.closed()).toMatchObject({ code: 4400 });
  await expectUnharmed();
});

const control = (payload: string, sequence = 1) =>
  encodeRecord(RecordType.control, 0, sequence, Buffer.from(payload));
const header = (bytes: number) => {
  const record = Buffer.alloc(16);
  record[0] = RecordType.delta;
  record.writeUInt32LE(bytes, 12);
  return record;
};

test.each<[string, IntegrityKind, () => Buffer]>([
  ["noise", "malformed", () => Buffer.from("just some text, no records")],
  ["half a header", "malformed", () => Buffer.alloc(9)],
  ["a record longer than its message", "malformed", () => header(100)],
  ["an oversized record", "malformed", () => Buffer.concat([header(70_000), Buffer.alloc(70_000)])],
  ["control that is not JSON", "malformed", () => control("{oops")],
  ["deep control", "malformed", () => control(deep)],
  ["a type that is longer as bytes", "malformed", () => control(json({ type: "€".repeat(99) }))],
  ["a message of no type", "malformed", () => control("{}")],
  ["null", "malformed", () => control("null")],
  ["control out of turn", "wrong-type", () => control(json({ type: "drain" }), 9)],
  ["output on stream 0", "wrong-type", () => encodeRecord(RecordType.delta, 0, 1, Buffer.alloc(1))],
  [
    "a hello after the handshake",
    "malformed",
    () => encodeJsonRecord(RecordType.channel, 0, 0, { type: "hello" }),
  ],
  [
    "an auth after the handshake",
    "wrong-type",
    () => encodeJsonRecord(RecordType.channel, 0, 0, { type: "auth", signature: "a".repeat(86) }),
  ],
  [
    "a second attachment",
    "wrong-type",
    () => encodeJsonRecord(RecordType.channel, 0, 0, { type: "attach", received: 0 }),
  ],
  ["an acknowledgement of what was never sent", "wrong-count", () => encodeAcknowledgement(1_000)],
  [
    "an acknowledgement beyond counting",
    "wrong-count",
    () => encodeRecord(RecordType.acknowledgement, 0, 0, Buffer.alloc(8, 255)),
  ],
  [
    "an acknowledgement of another length",
    "malformed",
    () => encodeRecord(RecordType.acknowledgement, 0, 0, Buffer.alloc(3)),
  ],
])("%s ends the session, with its attempts", async (_name, kind, bytes) => {
  agent.raw(bytes());
  expect(await agent.closed()).toMatchObject({ code: 4400 });
  expect(await attempt.ended()).toBe("link-lost");
  await told(kind);
  await expectUnharmed();
});

test.each<[string, number, (from: ScriptedAgent) => void]>([
  ["a message larger than the link carries", 1009, (from) => from.raw(Buffer.alloc(1_200_000))],
  ["text", 4400, (from) => from.carrier?.send("text")],
])("%s ends the session, with its attempts", async (_name, code, send) => {
  send(agent);
  expect((await agent.closed()).code).toBe(code);
  expect(await attempt.ended()).toBe("link-lost");
  await told("malformed");
  await expectUnharmed();
});

test("a resume that leaves out what was acknowledged ends the session", async () => {
  agent.channel({ type: "ping", sentAtMs: 0, active: 0 });
  await eventually("an acknowledged request", () => (agent.taken > 0 ? true : undefined));
  await agent.dial(agent.session());
  agent.attach(0).catch(() => {});
  await told("wrong-count");
  expect(await attempt.ended()).toBe("link-lost");
  await expectUnharmed();
});

test.each<[string, Partial<ChannelLimits>, (from: ScriptedAgent) => void]>([
  [
    "records",
    { records: { perSecond: 10, burst: 100 } },
    (from) => {
      for (let sent = 0; sent < 200; sent += 1) from.delta(1, "x");
    },
  ],
  [
    "bytes",
    { bytes: { perSecond: 1_000, burst: 100_000 } },
    (from) => {
      for (let sent = 0; sent < 4; sent += 1) from.delta(1, "x".repeat(30_000));
    },
  ],
  [
    "control records",
    { controlRecords: { perSecond: 10, burst: 100 } },
    (from) => {
      for (let sent = 0; sent < 200; sent += 1) from.raw(encodeAcknowledgement(0));
    },
  ],
])("a flood of %s ends the session", async (_name, limits, flood) => {
  await link.close();
  await start({ ...CHANNEL_LIMITS, ...limits });
  flood(agent);
  expect(await agent.closed()).toMatchObject({ code: 4429 });
  await told("flood");
  await expectUnharmed();
});

test("a pong that nobody asked for does not make the round trip", async () => {
  const before = attempt.attempt.clock().rttMs;
  for (let sent = 0; sent < 30; sent += 1) {
    agent.channel({ type: "pong", sentAtMs: performance.now() - 90 });
  }
  agent.delta(1, "x");
  await eventually("the delta", () => attempt.text || undefined);
  expect(attempt.attempt.clock().rttMs).toBe(before);
});

test("a fault of whoever takes the output is no fault of the agent's", async () => {
  const broken = link.dispatch(agent);
  await agent.request(2);
  Object.defineProperty(broken, "text", {
    set() {
      throw new Error("a bug");
    },
  });
  agent.accept(2);
  agent.delta(2, "x");
  expect(await agent.closed()).toMatchObject({ code: 4500 });
  expect(link.integrity).toEqual([]);
  await expectUnharmed();
});
