import { beforeEach, describe, expect, test } from "vitest";
import { BackendError } from "#agent/backends/backend-error.ts";
import { eventually } from "#agent/link/scripted-exchange.fixture.ts";
import { FLAG_FINAL, RecordType } from "#protocol/link-records.ts";
import { createServing, jsonOf, type Serving, sha256, turn } from "./deliveries.fixture.ts";
import { FINISH } from "./scripted-client.fixture.ts";

let serving: Serving;
beforeEach(() => {
  serving = createServing();
});

describe("a streamed delivery", () => {
  test("is accepted, streamed in order without gaps, and ended with counts and digest", async () => {
    serving.open(1);
    (await serving.request(0)).say("Hello ", "wörld");
    expect(jsonOf(await serving.ended(1))).toEqual({
      finishReason: "stop",
      reportedPromptTokens: 3,
      reportedCompletionTokens: 5,
      outputBytes: 12,
      outputSha256: sha256("Hello wörld"),
    });
    expect(serving.sent.map(({ type }) => type)).toEqual([11, 4, 4, 7]);
    expect(serving.sent.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
    expect(serving.of(1, RecordType.delta).map(({ count }) => count)).toEqual([1, 1]);
  });

  test("gives the backend its own model and the reserved maximum", async () => {
    serving.open(1, {}, JSON.stringify({ model: "text-test", messages: [], user: "bea" }));
    const { body } = await serving.request(0);
    expect(body).toMatchObject({ model: "local-model", max_tokens: 100, stream: true });
    expect(body).not.toHaveProperty("user");
  });

  test("flushes its first output at once and nothing else", async () => {
    serving.open(1);
    (await serving.request(0)).say("a", "b", "c");
    await serving.ended(1);
    expect(serving.urgent).toEqual([1]);
  });

  test("counts events as output, but only text in the digest", async () => {
    serving.open(1);
    const json = '{"choices":[{"delta":{"tool_calls":[]}}]}';
    (await serving.request(0)).push({ type: "text", text: "ab" }, { type: "event", json }, FINISH);
    expect(jsonOf(await serving.ended(1))).toMatchObject({
      outputBytes: 2 + json.length,
      outputSha256: sha256("ab"),
    });
    expect(serving.of(1, RecordType.event)).toHaveLength(1);
  });

  test("digests text as it is sent, also where a chunk ends within a surrogate pair", async () => {
    serving.open(1);
    const texts = ["a\ud83d", "\ude00b", ..."long ".repeat(300).split(" ")];
    (await serving.request(0)).say(...texts);
    const sent = texts.map((text) => Buffer.from(text));
    expect(jsonOf(await serving.ended(1))).toMatchObject({
      outputBytes: Buffer.concat(sent).length,
      outputSha256: sha256(Buffer.concat(sent)),
    });
    expect(serving.textOf(1)).toBe(Buffer.concat(sent).toString("utf8"));
  });

  test("splits long text between characters", async () => {
    const text = "€".repeat(60_000);
    serving.open(1, { creditBytes: 1_000_000 });
    (await serving.request(0)).say(text);
    await serving.ended(1);
    const parts = serving.of(1, RecordType.delta);
    expect(parts.length).toBe(3);
    expect(parts.map(({ count }) => count)).toEqual([1, 0, 0]);
    for (const { payload } of parts) {
      expect(payload.length).toBeLessThanOrEqual(65_536);
      expect(Buffer.from(payload).toString("utf8")).not.toContain("\ufffd");
    }
    expect(serving.textOf(1)).toBe(text);
  });

  test("waits while the socket is full", async () => {
    let release: () => void = () => {};
    serving.room = new Promise((resolve) => {
      release = resolve;
    });
    serving.open(1);
    (await serving.request(0)).say("a");
    await turn();
    expect(serving.textOf(1)).toBe("");
    release();
    await serving.ended(1);
    expect(serving.textOf(1)).toBe("a");
  });
});

describe("an answer that is not streamed", () => {
  test("leaves in parts, the last one marked, with the digest of the bytes", async () => {
    serving.client.answerBody = Buffer.alloc(150_000, 120);
    serving.open(1, { streamed: false, creditBytes: 1_000_000 });
    expect(jsonOf(await serving.ended(1))).toMatchObject({
      outputBytes: 150_000,
      outputSha256: sha256(serving.client.answerBody),
    });
    expect(serving.of(1, RecordType.body).map(({ flags }) => flags)).toEqual([0, 0, FLAG_FINAL]);
  });
});

describe("credit", () => {
  test("zero stops its own stream and the reading of its backend, and no other", async () => {
    serving.open(1, { creditBytes: 6 });
    serving.open(2);
    const slow = await serving.request(0);
    const quick = await serving.request(1);
    slow.say("abcd", "efgh", "ijkl", "mnop");
    quick.say("all of it");
    await serving.ended(2);
    expect(serving.textOf(2)).toBe("all of it");
    await eventually("the stall", () => (slow.taken === 2 ? true : undefined));
    await turn();
    expect(slow.taken).toBe(2);
    expect(serving.textOf(1).length).toBeLessThanOrEqual(6);
    serving.grant(1, 4);
    await eventually("more", () => (serving.textOf(1).startsWith("abcdefgh") ? true : undefined));
    serving.grant(1, 100);
    await serving.ended(1);
    expect(serving.textOf(1)).toBe("abcdefghijklmnop");
  });

  test("is never overdrawn, whatever comes in whatever portions", async () => {
    serving.open(1, { creditBytes: 10 });
    (await serving.request(0)).say("ä€😀".repeat(50));
    let granted = 10;
    // 450 bytes in portions of 7, of which one may wait for a whole character.
    for (let turns = 0; turns < 200 && serving.of(1, RecordType.end).length === 0; turns += 1) {
      expect(Buffer.byteLength(serving.textOf(1))).toBeLessThanOrEqual(granted);
      serving.grant(1, 7);
      granted += 7;
      await turn();
    }
    expect(serving.textOf(1)).toBe("ä€😀".repeat(50));
  });

  test("that does not come in time fails the stream and stops the backend", async () => {
    serving = createServing({ creditTimeoutMs: 30 });
    serving.open(1, { creditBytes: 0 });
    const stalled = await serving.request(0);
    stalled.say("abc");
    expect(jsonOf(await serving.ended(1))).toMatchObject({ code: "timeout", status: null });
    expect(stalled.signal.aborted).toBe(true);
    expect(serving.reports).toMatchObject([{ attemptId: "attempt-1", outcome: "timeout" }]);
  });
});

describe("failing", () => {
  test.each<[string, BackendError, object]>([
    [
      "a refusal of the backend keeps its status",
      new BackendError("backend-refused", "no such parameter", 400),
      { code: "backend-refused", message: "no such parameter", status: 400 },
    ],
    [
      "a broken stream is told as one",
      new BackendError("backend-stream-broken", "cut off"),
      { code: "backend-stream-broken", status: null },
    ],
    [
      "a long message is cut to what the link carries",
      new BackendError("backend-failed", "x".repeat(5_000)),
      { message: "x".repeat(1_000) },
    ],
  ])("%s", async (_name, error, expected) => {
    serving.open(1);
    (await serving.request(0)).push({ type: "text", text: "a" }, error);
    const record = await serving.ended(1);
    expect(record.type).toBe(RecordType.error);
    expect(jsonOf(record)).toMatchObject(expected);
  });

  test.each([
    ["a body that is not JSON", "{oops"],
    ["a body that is no object", "[1]"],
  ])("%s is a bad request and never reaches the backend", async (_name, body) => {
    serving.open(1, {}, body);
    expect(jsonOf(await serving.ended(1))).toMatchObject({ code: "bad-request" });
    expect(serving.client.requests).toEqual([]);
  });
});
