import { beforeEach, describe, expect, test } from "vitest";
import { eventually } from "#agent/link/scripted-exchange.fixture.ts";
import { FLAG_FINAL, RecordType } from "#protocol/link-records.ts";
import { createServing, jsonOf, type Serving, SLOTS, turn } from "./deliveries.fixture.ts";
import { BODY_BYTES_MAX, QUEUED_DELIVERIES_MAX } from "./deliveries.ts";

let serving: Serving;
beforeEach(() => {
  serving = createServing();
});

describe("cancelling", () => {
  test("stops the backend at once and sends nothing more", async () => {
    serving.open(1);
    const running = await serving.request(0);
    running.push({ type: "text", text: "a" });
    await eventually("the first delta", () => serving.of(1, RecordType.delta)[0]);
    serving.receive(RecordType.cancel, 1, Buffer.alloc(0));
    expect(running.signal.aborted).toBe(true);
    running.say("b");
    await turn();
    expect(serving.sent.map(({ type }) => type)).toEqual([RecordType.accepted, RecordType.delta]);
    expect(serving.deliveries.active).toBe(0);
    expect(serving.reports).toMatchObject([{ outcome: "cancelled", outputBytes: 1 }]);
  });

  test("gives a waiting delivery's place to the next", async () => {
    for (let stream = 1; stream <= SLOTS + QUEUED_DELIVERIES_MAX; stream += 1) serving.open(stream);
    serving.receive(RecordType.cancel, 4, Buffer.alloc(0));
    serving.open(20);
    expect(serving.of(20, RecordType.error)).toEqual([]);
    for (let index = 0; index < SLOTS + QUEUED_DELIVERIES_MAX; index += 1) {
      (await serving.request(index)).say("x");
    }
    await serving.ended(20);
    expect(serving.of(4, RecordType.accepted)).toEqual([]);
  });

  test("records under way to an ended stream count for nothing", async () => {
    serving.open(1);
    (await serving.request(0)).say("a");
    await serving.ended(1);
    serving.grant(1, 5);
    serving.receive(RecordType.cancel, 1, Buffer.alloc(0));
    expect(serving.reports).toHaveLength(1);
  });
});

describe("admission", () => {
  test("runs the slots, queues a few, and answers busy beyond", async () => {
    const room = SLOTS + QUEUED_DELIVERIES_MAX;
    for (let stream = 1; stream <= room + 1; stream += 1) serving.open(stream);
    await serving.request(SLOTS - 1);
    await turn();
    expect(serving.client.requests).toHaveLength(SLOTS);
    expect(jsonOf(serving.of(room + 1, RecordType.error)[0])).toMatchObject({ code: "busy" });
    expect(serving.deliveries.active).toBe(room);
    for (let index = 0; index < room; index += 1) (await serving.request(index)).say("x");
    await serving.deliveries.idle();
    expect(serving.reports.map(({ outcome }) => outcome)).toEqual(Array(room).fill("served"));
  });

  test("a request over the limit is refused by its head, before a byte of it is kept", () => {
    serving.head(1, { bodyBytes: BODY_BYTES_MAX + 1 });
    expect(jsonOf(serving.of(1, RecordType.error)[0])).toMatchObject({ code: "bad-request" });
    expect(serving.deliveries.active).toBe(0);
  });

  test("an attempt that was accepted before is not served again", async () => {
    serving.open(1);
    (await serving.request(0)).say("once");
    await serving.ended(1);
    serving.open(2, { attemptId: "attempt-1" });
    expect(jsonOf(serving.of(2, RecordType.error)[0])).toMatchObject({ code: "duplicate-attempt" });
    expect(serving.of(2, RecordType.accepted)).toEqual([]);
    expect(serving.client.requests).toHaveLength(1);
  });

  test("a new link starts with stream 1 again", async () => {
    serving.open(1);
    await serving.request(0);
    serving.deliveries.cancelAll();
    serving.sequences.clear();
    serving.sent.length = 0;
    serving.open(1, { attemptId: "anew" });
    (await serving.request(1)).say("anew");
    await serving.ended(1);
    expect(serving.textOf(1)).toBe("anew");
  });
});

test.each<[string, () => void, RegExp]>([
  [
    "a body without a head",
    () => serving.receive(RecordType.requestBody, 9, Buffer.alloc(0)),
    /no head/,
  ],
  [
    "a stream that is opened twice",
    () => {
      serving.head(1);
      serving.sequences.clear();
      serving.head(1);
    },
    /used before/,
  ],
  [
    "more body than the head said",
    () => {
      serving.head(1);
      serving.receive(RecordType.requestBody, 1, Buffer.alloc(3));
    },
    /3 bytes, 2 were announced/,
  ],
  [
    "less body than the head said",
    () => {
      serving.head(1);
      serving.receive(RecordType.requestBody, 1, Buffer.alloc(1), FLAG_FINAL);
    },
    /1 bytes, 2 were announced/,
  ],
  [
    "a gap in a stream's sequence",
    () => {
      serving.head(1);
      serving.sequences.set(1, 5);
      serving.grant(1, 1);
    },
    /sequence 5 on stream 1, expected 1/,
  ],
  [
    "a credit that is no u32",
    () => {
      serving.head(1);
      serving.receive(RecordType.credit, 1, Buffer.alloc(2));
    },
    /expected a u32/,
  ],
  [
    "an agent's record from the exchange",
    () => {
      serving.head(1);
      serving.receive(RecordType.delta, 1, Buffer.alloc(1));
    },
    /record type 4/,
  ],
  ["a head that is none", () => serving.receive(RecordType.requestHead, 1, Buffer.from("{}")), /./],
])("%s breaks the protocol", (_name, act, reason) => {
  expect(act).toThrow(reason);
});
