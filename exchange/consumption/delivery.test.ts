/** Deliveries as a buyer sees them: the official SDK against a real socket and a real core. */
import type OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import {
  ask,
  startConsumption,
  type TestConsumption,
  type WorldOptions,
} from "./consumption.fixture.ts";

let world: TestConsumption;
const start = async (options: WorldOptions = {}) => {
  await world.close();
  world = await startConsumption(options);
};
beforeEach(async () => {
  world = await startConsumption();
});
afterEach(() => world.close());

type Chunk = OpenAI.Chat.ChatCompletionChunk;
const streamed = { ...ask, stream: true as const };
const usageToo = { ...streamed, stream_options: { include_usage: true } };
/** The prompt of `ask`: one word and the frame of one message. */
const PROMPT_TOKENS = 5;

async function collect(stream: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks: Chunk[], index = 0) =>
  chunks
    .flatMap(({ choices }) => choices)
    .map((choice) => (choice.index === index ? (choice.delta.content ?? "") : ""))
    .join("");
const finishesOf = (chunks: Chunk[]) =>
  chunks
    .flatMap(({ choices }) => choices)
    .filter((choice) => choice.finish_reason !== null)
    .map((choice) => [choice.index, choice.finish_reason]);

describe("a streamed answer", () => {
  test("arrives whole, with our ids, our count and the price of its Lot", async () => {
    const call = world.sdk.chat.completions.create(usageToo).withResponse();
    (await world.attempt()).text("Hel", "lo ", "wörld").end();
    const { data, response } = await call;
    const chunks = await collect(data);
    expect(textOf(chunks)).toBe("Hello wörld");
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
    expect(finishesOf(chunks)).toEqual([[0, "stop"]]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.every(({ model }) => model === "text-lite")).toBe(true);
    const completion = countReferenceTokens("Hello wörld");
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: PROMPT_TOKENS,
        completion_tokens: completion,
        total_tokens: PROMPT_TOKENS + completion,
      },
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "x-gridspot-lot-price": "1.0000",
      "x-gridspot-supplier": expect.stringMatching(/^user_/),
      "x-gridspot-max-output-tokens": "2048",
      "x-gridspot-seq": expect.stringMatching(/^[1-9]\d*$/),
      "x-ratelimit-remaining-requests": "119",
    });
    const requestId = response.headers.get("x-request-id");
    expect(response.headers.get("x-grid-request-id")).toBe(requestId);
    expect(response.headers.get("x-gridspot-request-id")).toBe(requestId);
    // One dollar per million tokens: one micro-dollar each.
    expect(world.paid()).toEqual([BigInt(PROMPT_TOKENS + completion)]);
    expect(world.last("delivery-settled")).toMatchObject({
      reportedTokens: 1_001_000,
      cause: "done",
    });
  });

  test("carries no usage unless it was asked for", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    (await world.attempt()).text("hi").end();
    const chunks = await collect(await call);
    expect(chunks.every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  test("puts characters together that were cut between records", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    const attempt = await world.attempt();
    for (const byte of Buffer.from("日本 👩‍👩‍👧 é")) attempt.text(Buffer.from([byte]));
    attempt.end();
    expect(textOf(await collect(await call))).toBe("日本 👩‍👩‍👧 é");
    // Every byte that came is granted again.
    expect(attempt.grantedBytes).toBe(attempt.sentBytes);
  });

  test("may hold what looks like special tokens", async () => {
    const call = world.sdk.chat.completions.create({
      ...streamed,
      messages: [{ role: "user", content: "<|endoftext|><|im_start|>" }],
    });
    (await world.attempt()).text("<|im_end|>", "<|endoftext|>").end();
    expect(textOf(await collect(await call))).toBe("<|im_end|><|endoftext|>");
  });

  test("passes tool calls on under our id, without the supplier's usage, and bills their text", async () => {
    const call = world.sdk.chat.completions.create(usageToo);
    const attempt = await world.attempt();
    attempt.chunk([{ index: 0, delta: { role: "assistant", content: null } }]);
    const fn = { name: "weather", arguments: '{"city":' };
    attempt.chunk([
      {
        index: 0,
        delta: { tool_calls: [{ index: 0, id: "call_1", type: "function", function: fn }] },
      },
    ]);
    attempt.chunk([
      { index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '"Bern"}' } }] } },
    ]);
    attempt.chunk([{ index: 0, delta: {}, finish_reason: "tool_calls" }]);
    attempt.end("tool_calls");
    const chunks = await collect(await call);
    const calls = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect(calls.map((each) => each.function?.arguments).join("")).toBe('{"city":"Bern"}');
    expect(
      chunks.every(({ id, model }) => id.startsWith("chatcmpl-") && model === "text-lite"),
    ).toBe(true);
    expect(finishesOf(chunks)).toEqual([[0, "tool_calls"]]);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(
      countReferenceTokens('weather{"city":"Bern"}'),
    );
  });

  test("of two choices finishes both", async () => {
    const call = world.sdk.chat.completions.create({ ...usageToo, n: 2 });
    const attempt = await world.attempt();
    attempt.chunk([{ index: 1, delta: { role: "assistant", content: "" } }]);
    attempt.text("one").chunk([{ index: 1, delta: { content: "two" }, finish_reason: "length" }]);
    attempt.end("stop");
    const chunks = await collect(await call);
    expect([textOf(chunks, 0), textOf(chunks, 1)]).toEqual(["one", "two"]);
    expect(finishesOf(chunks)).toEqual([
      [0, "stop"],
      [1, "length"],
    ]);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(2);
  });

  test("is free when there is nothing in it", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    (await world.attempt()).end("stop");
    expect(textOf(await collect(await call))).toBe("");
    expect(world.paid()).toEqual([0n]);
    expect(world.last("delivery-released")).toMatchObject({
      verdict: "excused",
      cause: "empty-answer",
    });
  });
});

describe("the reservation", () => {
  test("is the limit: metered output that reaches it stops the backend and ends with length", async () => {
    const call = world.sdk.chat.completions.create({ ...usageToo, max_tokens: 3 });
    const attempt = await world.attempt();
    expect(attempt.request.maxOutputTokens).toBe(3);
    attempt.text("one", " two", " three", " four", " five");
    const chunks = await collect(await call);
    expect(textOf(chunks)).toBe("one two three");
    expect(finishesOf(chunks)).toEqual([[0, "length"]]);
    expect(attempt.cancelled).toBe("reservation-used");
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(3);
    expect(world.paid()).toEqual([BigInt(PROMPT_TOKENS + 3)]);
  });

  test("bounds the bill, whatever one record holds", async () => {
    const call = world.sdk.chat.completions.create({ ...usageToo, max_tokens: 3 });
    (await world.attempt()).text("word ".repeat(1_000));
    expect((await collect(await call)).at(-1)?.usage?.completion_tokens).toBe(3);
  });
});

describe("an answer that is not streamed", () => {
  const answer = {
    id: "theirs",
    model: "secret",
    system_fingerprint: "fp",
    choices: [
      { index: 0, message: { role: "assistant", content: "Hello you" }, finish_reason: "stop" },
    ],
    usage: { prompt_tokens: 9_999, completion_tokens: 9_999, total_tokens: 19_998 },
  };

  test("comes with our id, model and count", async () => {
    const call = world.sdk.chat.completions.create(ask).withResponse();
    const attempt = await world.attempt();
    expect(attempt.request.streamed).toBe(false);
    attempt.answer(answer).end();
    const { data, response } = await call;
    expect(data).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      model: "text-lite",
      choices: [{ index: 0, message: { content: "Hello you" }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: PROMPT_TOKENS,
        completion_tokens: 2,
        total_tokens: PROMPT_TOKENS + 2,
      },
    });
    expect(data.system_fingerprint).toBeUndefined();
    expect(response.headers.get("x-gridspot-lot-price")).toBe("1.0000");
    expect(world.paid()).toEqual([BigInt(PROMPT_TOKENS + 2)]);
    expect(attempt.grantedBytes).toBe(attempt.sentBytes);
  });

  test("may take as long as its tokens take", async () => {
    const call = world.sdk.chat.completions.create({ ...ask, max_tokens: 2_000 });
    const attempt = await world.attempt();
    // 2,000 tokens at 20 per second are 100 seconds.
    expect(attempt.request.firstTokenTimeoutMs).toBeGreaterThan(100_000);
    attempt.answer(answer).end();
    await call;
  });

  test.each([
    ["no JSON", "<html>"],
    ["null", "null"],
    ["no choices", "{}"],
    ["empty choices", '{"choices":[]}'],
    ["no message", '{"choices":[{"index":0}]}'],
  ])("that is none moves to another supplier: %s", async (_name, body) => {
    await start({ suppliers: ["sam", "ola"] });
    const call = world.sdk.chat.completions.create(ask);
    (await world.attempt(1)).answer(body).end();
    (await world.attempt(2)).answer(answer).end();
    expect((await call).choices[0]?.message.content).toBe("Hello you");
  });
});
