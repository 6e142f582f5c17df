/** Deliveries that go wrong, as a buyer sees them: failing suppliers, slow and leaving clients. */
import { once } from "node:events";
import http from "node:http";
import type OpenAI from "openai";
import { APIError } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ask,
  type FakeAttempt,
  startConsumption,
  type TestConsumption,
  until,
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
describe("nothing leaves before it is durable", () => {
  test("output waits for the reservation, and the last chunks for the settlement", async () => {
    await start({ released: false });
    const call = world.sdk.chat.completions.create(usageToo).withResponse();
    let answered = false;
    const noted = call.then(() => {
      answered = true;
    });
    const attempt = await world.attempt();
    attempt.text("early").end();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answered).toBe(false);
    expect(attempt.grantedBytes).toBe(0);
    world.release();
    await noted;
    expect(textOf(await collect((await call).data))).toBe("early");
  });

  test("a refusal waits too", async () => {
    await start({ released: false, micros: 1n });
    const call = world.sdk.chat.completions.create(ask).catch((error: unknown) => error);
    let answered = false;
    void call.then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answered).toBe(false);
    world.release();
    expect(await call).toMatchObject({ status: 402 });
  });

  test("a failover before the reservation is durable is invisible", async () => {
    await start({ released: false, suppliers: ["sam", "ola"] });
    const call = world.sdk.chat.completions.create(streamed);
    (await world.attempt()).text("lost").fail();
    world.release();
    (await world.attempt(2)).text("kept").end();
    expect(textOf(await collect(await call))).toBe("kept");
    expect(world.paid()[0]).toBe(0n);
  });
});

describe("a failed attempt", () => {
  test.each([
    ["an error", (attempt: FakeAttempt) => attempt.fail()],
    ["a lost link", (attempt) => attempt.fail({ code: "link-lost", status: null })],
    [
      "a backend that refuses its agent's key",
      (attempt) => attempt.fail({ code: "backend-refused", status: 401 }),
    ],
    [
      "a bare role and then an error",
      (attempt) => attempt.chunk([{ index: 0, delta: { role: "assistant" } }]).fail(),
    ],
    ["a chunk that is none", (attempt) => void attempt.raw("null")],
    ["a chunk of holes", (attempt) => void attempt.raw('{"choices":[null]}')],
    [
      "a chunk nested without end",
      (attempt) =>
        void attempt.raw(
          `{"choices":[{"delta":{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}}]}`,
        ),
    ],
    ["an end without a beginning", (attempt) => attempt.end(null)],
  ] as [string, (attempt: FakeAttempt) => void][])(
    "before the first byte moves to another supplier, unseen: %s",
    async (_name, breakIt) => {
      await start({ suppliers: ["sam", "ola"] });
      const call = world.sdk.chat.completions.create(usageToo).withResponse();
      breakIt(await world.attempt(1));
      const second = await world.attempt(2);
      expect(second.request.supplier).toBe(world.suppliers[1]);
      expect(second.request.attemptId).not.toBe(world.attempts[0]?.request.attemptId);
      second.text("saved").end();
      const { data, response } = await call;
      const chunks = await collect(data);
      expect(textOf(chunks)).toBe("saved");
      expect(response.headers.get("x-gridspot-lot-price")).toBe("1.0100");
      expect(world.paid()[0]).toBe(0n);
      expect(world.paid()[1]).toBeGreaterThan(0n);
    },
  );

  test("with no other supplier is told as 503 and is free", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    (await world.attempt()).fail();
    await expect(call).rejects.toMatchObject({ status: 503, code: "supplier_failed" });
    expect(world.market.state.deliveries.size).toBe(0);
    expect(world.paid()).toEqual([0n]);
  });

  test("after the first byte ends the stream with an error, and the request is free", async () => {
    await start({ suppliers: ["sam", "ola"] });
    const stream = world.sdk.chat.completions.create(streamed);
    const attempt = await world.attempt();
    attempt.text("a good beginning");
    let text = "";
    const read = async () => {
      for await (const chunk of await stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (text !== "") attempt.fail({ message: "the engine crashed" });
      }
    };
    const error = await read().catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: "supplier_failed", type: "supplier_failed" });
    expect(text).toBe("a good beginning");
    expect(world.attempts).toHaveLength(1);
    expect(world.paid()).toEqual([0n, 0n]);
    expect(world.last("delivery-released")).toMatchObject({ verdict: "failed" });
  });

  test("a supplier that falls silent in mid-stream has failed", async () => {
    await start({ timeouts: { supplierSilentMsMax: 40 } });
    const call = world.sdk.chat.completions.create(streamed);
    const attempt = await world.attempt();
    attempt.text("and then");
    await expect(call.then(collect)).rejects.toThrow(/sent nothing for 40 ms/);
    expect(attempt.cancelled).toBe("timeout");
    expect(world.paid()).toEqual([0n]);
  });

  test("an end that finds the shell full is told again", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    const attempt = await world.attempt();
    world.overload(3);
    attempt.text("paid all the same").end();
    expect(textOf(await collect(await call))).toBe("paid all the same");
    expect(world.paid()[0]).toBeGreaterThan(0n);
  });
});

describe("the client", () => {
  test("that leaves stops the backend and pays for what went out", async () => {
    const stream = await (async () => {
      const call = world.sdk.chat.completions.create(streamed);
      (await world.attempt()).text("one two three");
      return call;
    })();
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await world.idle();
    expect(world.attempts[0]?.cancelled).toBe("client-gone");
    expect(world.last("delivery-settled")).toMatchObject({
      cause: "client-gone",
      usedTokens: PROMPT_TOKENS + 3,
    });
    await until(() => world.consumption.activeDeliveries() === 0, "the delivery was over");
  });

  test("that leaves before the first byte pays nothing, and the supplier is excused", async () => {
    const aborter = new AbortController();
    const call = world.sdk.chat.completions.create(streamed, { signal: aborter.signal });
    const attempt = await world.attempt();
    aborter.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await world.idle();
    expect(attempt.cancelled).toBe("client-gone");
    expect(world.last("delivery-released")).toMatchObject({
      verdict: "excused",
      cause: "client-gone",
    });
  });

  /** A client that gets the head and then reads nothing until told. */
  async function slowReader() {
    const request = http.request(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${world.key}` },
    });
    request.end(JSON.stringify(streamed));
    const attempt = await world.attempt();
    attempt.text("first");
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.pause();
    response.on("error", () => {});
    let sent = 0;
    // Kernel buffers take some megabytes before the client counts as slow.
    for (; sent < 2_000 && attempt.grantedBytes === attempt.sentBytes; sent += 1) {
      attempt.chunk([{ index: 0, delta: {}, logprobs: { pad: "x".repeat(60_000) } }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(attempt.grantedBytes).toBeLessThan(attempt.sentBytes);
    return { attempt, response };
  }

  test("that reads slowly gets no more credit for the supplier until it has read", async () => {
    await start({ timeouts: { supplierSilentMsMax: 60_000 } });
    const { attempt, response } = await slowReader();
    response.resume();
    await until(() => attempt.grantedBytes === attempt.sentBytes, "all was granted");
    attempt.end();
    await once(response, "end");
    expect(world.last("delivery-settled")).toMatchObject({ cause: "done" });
  });

  test("that reads nothing at all counts as gone", async () => {
    await start({ timeouts: { clientStalledMsMax: 50 } });
    const { attempt } = await slowReader();
    await world.idle();
    expect(attempt.cancelled).toBe("client-stalled");
    expect(world.last("delivery-settled")).toMatchObject({ cause: "client-stalled" });
  });
});
