/** The door: what is let in, and in which words everything else is turned away. */
import OpenAI, {
  type APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ask,
  startConsumption,
  type TestConsumption,
  until,
  type WorldOptions,
} from "./consumption.fixture.ts";

let world: TestConsumption;
const start = async (options: WorldOptions) => {
  await world.close();
  world = await startConsumption(options);
};
beforeEach(async () => {
  world = await startConsumption();
});
afterEach(() => world.close());

const clientWith = (apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${world.url}/v1`, maxRetries: 0 });

describe("refusals have the shape and the class that the SDK knows", () => {
  test.each([
    ["a wrong key", "gs_test_wrong", {}, AuthenticationError, 401, "invalid_api_key", null],
    ["an unknown model", null, { model: "gpt-9" }, NotFoundError, 404, "model_not_found", "model"],
    [
      "a wrong field",
      null,
      { temperature: 3 },
      BadRequestError,
      400,
      "invalid_value",
      "temperature",
    ],
    [
      "too much context",
      null,
      { messages: [{ role: "user", content: "word ".repeat(9_000) }] },
      BadRequestError,
      400,
      "context_length_exceeded",
      "messages",
    ],
    [
      "too much output",
      null,
      { max_tokens: 2_049 },
      BadRequestError,
      400,
      "invalid_value",
      "max_tokens",
    ],
    [
      "a model nobody sells",
      null,
      { model: "text-max" },
      OpenAI.InternalServerError,
      503,
      "no_capacity",
      null,
    ],
  ])("%s", async (_name, key, fields, type, status, code, param) => {
    const call = clientWith(key ?? world.key).chat.completions.create({
      ...ask,
      ...fields,
    } as typeof ask);
    const error = await call.catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ status, code, param });
    expect((error as APIError).requestID).toMatch(/^[0-9a-f-]{36}$/);
    expect(world.consumption.activeDeliveries()).toBe(0);
  });

  test("no money", async () => {
    await start({ micros: 10n });
    const error = await world.sdk.chat.completions.create(ask).catch((raised: unknown) => raised);
    expect(error).toMatchObject({
      status: 402,
      code: "insufficient_balance",
      type: "insufficient_quota",
    });
    expect((error as Error).message).toContain("0.000010 are available");
  });

  test("no key, no JSON, a body too large, a wrong method", async () => {
    const chat = `${world.url}/v1/chat/completions`;
    const missing = await fetch(chat, { method: "POST", body: "{}" });
    expect([missing.status, (await missing.json()) as object]).toMatchObject([
      401,
      { error: { type: "invalid_request_error", param: null, code: "invalid_api_key" } },
    ]);
    const malformed = await world.post("{");
    expect([malformed.status, await malformed.json()]).toMatchObject([
      400,
      { error: { code: "malformed_json" } },
    ]);
    // text-lite takes one mebibyte.
    const large = await world.post(JSON.stringify({ ...ask, pad: "x".repeat(1024 * 1024) }));
    expect([large.status, await large.json()]).toMatchObject([
      413,
      { error: { code: "body_too_large" } },
    ]);
    const got = await fetch(chat);
    expect([got.status, got.headers.get("allow"), await got.json()]).toMatchObject([
      405,
      "POST",
      { error: { code: "method_not_allowed" } },
    ]);
  });

  test("a body beyond every instrument's limit is not read to its end", async () => {
    const response = await world
      .post(new Uint8Array(9 * 1024 * 1024))
      .catch((error: Error) => error);
    if (response instanceof Response) expect(response.status).toBe(413);
    const next = world.sdk.chat.completions.create({ ...ask, stream: true });
    (await world.attempt()).text("still here").end();
    await next;
  });

  test("other paths are left to others", async () => {
    for (const path of ["/v1/orders", "/v1/chat", "/v1/modelsx"]) {
      expect(await (await fetch(world.url + path)).text()).toBe("not ours");
    }
  });
});

describe("limits", () => {
  test("a key may not send more than its rate; the refusal says when to retry", async () => {
    await start({ limits: { requestsPerSecond: 0.001, burst: 1, openMax: 5 } });
    await world.post("{");
    const error = await world.sdk.chat.completions.create(ask).catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(RateLimitError);
    const { headers, code } = error as APIError<429, Headers>;
    expect(code).toBe("rate_limit_exceeded");
    expect(headers.get("retry-after")).toBe("1");
    expect(headers.get("x-ratelimit-limit-requests")).toBe("1");
    expect(headers.get("x-ratelimit-remaining-requests")).toBe("0");
  });

  test("a key may not have more open requests than its limit, and gets its place back", async () => {
    await start({ limits: { requestsPerSecond: 60, burst: 120, openMax: 1 } });
    const first = world.sdk.chat.completions.create({ ...ask, stream: true });
    const attempt = await world.attempt();
    await expect(world.sdk.chat.completions.create(ask)).rejects.toBeInstanceOf(RateLimitError);
    attempt.text("done").end();
    for await (const chunk of await first) void chunk;
    await until(() => world.consumption.activeDeliveries() === 0, "the first was over");
    const second = world.sdk.chat.completions.create({ ...ask, stream: true });
    (await world.attempt(2)).text("done").end();
    await second;
  });

  test("the process serves so many at a time", async () => {
    await start({ openDeliveriesMax: 1 });
    const first = world.sdk.chat.completions.create({ ...ask, stream: true });
    const attempt = await world.attempt();
    await expect(world.sdk.chat.completions.create(ask)).rejects.toMatchObject({
      status: 503,
      code: "overloaded",
    });
    attempt.text("done").end();
    await first;
  });

  test("a body takes its place in memory until its answer begins, and no longer", async () => {
    await start({ bodiesBytesMax: 1_500 });
    const body = JSON.stringify({
      ...ask,
      messages: [{ role: "user", content: "x".repeat(900) }],
      stream: true,
    });
    const first = world.post(body);
    const attempt = await world.attempt();
    expect((await world.post(body)).status).toBe(503);
    attempt.text("Hello");
    const answer = await first;
    const second = world.post(body);
    (await world.attempt(2)).text("x").end();
    expect((await second).status).toBe(200);
    attempt.end();
    expect(await answer.text()).toContain("Hello");
  });

  test("a shell that is full refuses, and nothing was executed", async () => {
    world.overload(1);
    await expect(world.sdk.chat.completions.create(ask)).rejects.toMatchObject({
      status: 503,
      code: "overloaded",
    });
    expect(world.market.state.counters.delivery).toBe(0);
  });
});

describe("what goes to the supplier", () => {
  test("is the buyer's body byte for byte, and without what names him", async () => {
    const text = JSON.stringify({ ...ask, stream: true, top_k: 3 }, null, 2);
    const first = world.post(text);
    const attempt = await world.attempt(1);
    expect(attempt.request.body.toString()).toBe(text);
    attempt.text("x").end();
    await first;
    const second = world.sdk.chat.completions.create({ ...ask, stream: true, user: "ann" });
    const next = await world.attempt(2);
    expect(JSON.parse(next.request.body.toString())).toEqual({ ...ask, stream: true });
    expect(JSON.stringify(next.request)).not.toContain(world.keyId);
    next.text("x").end();
    await second;
  });

  test("a prompt near the end of the context leaves less output than the default", async () => {
    const content = "word ".repeat(8_000);
    const call = world.sdk.chat.completions.create({
      ...ask,
      messages: [{ role: "user", content }],
      stream: true,
    });
    const attempt = await world.attempt();
    expect(attempt.request.maxOutputTokens).toBe(8_192 - 8_001 - 4);
    attempt.text("x").end();
    await call;
  });

  test("a long prompt is counted in the thread and served", async () => {
    const content = " ".repeat(200_000);
    const call = world.sdk.chat.completions.create({
      ...ask,
      messages: [{ role: "user", content }],
      stream: true,
    });
    (await world.attempt()).text("x").end();
    await call;
    expect(world.last("delivery-reserved")).toMatchObject({ promptTokens: expect.any(Number) });
  });
});

describe("models", () => {
  test("are listed with their limits and their price now, with or without a key", async () => {
    const models = [];
    for await (const model of world.sdk.models.list()) models.push(model);
    const lite = models.find(({ id }) => id === "text-lite");
    expect(lite).toMatchObject({
      object: "model",
      owned_by: "gridspot",
      context_length: 8_192,
      max_output_tokens: 2_048,
      price_per_million: "1.0000",
    });
    expect(models.find(({ id }) => id === "text-max")).toMatchObject({ price_per_million: null });
    expect((await fetch(`${world.url}/v1/models`)).status).toBe(200);
  });

  test("one by its name", async () => {
    expect(await world.sdk.models.retrieve("text-lite")).toMatchObject({ id: "text-lite" });
    await expect(world.sdk.models.retrieve("gpt-9")).rejects.toBeInstanceOf(NotFoundError);
    await expect(clientWith("gs_test_wrong").models.list()).rejects.toBeInstanceOf(
      AuthenticationError,
    );
    // A name that is no valid escape must not stop the process.
    expect((await fetch(`${world.url}/v1/models/%E0%A4%A`)).status).toBe(404);
    expect((await fetch(`${world.url}/v1/models`, { method: "DELETE" })).status).toBe(405);
  });
});

describe("draining", () => {
  test("finishes what runs and admits nothing more", async () => {
    const call = world.sdk.chat.completions.create({ ...ask, stream: true });
    const attempt = await world.attempt();
    attempt.text("almost");
    const drained = world.consumption.drain(5_000);
    const refused = await world.post(JSON.stringify(ask));
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ error: { code: "service_stopping" } });
    attempt.text(" done").end();
    let text = "";
    for await (const chunk of await call) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe("almost done");
    await drained;
  });

  test("ends what runs too long, free for the buyer and excused for the supplier", async () => {
    const call = world.sdk.chat.completions.create({ ...ask, stream: true });
    const attempt = await world.attempt();
    const noted = call.catch((raised: unknown) => raised);
    await world.consumption.drain(1);
    expect(await noted).toMatchObject({ status: 503, code: "service_stopping" });
    expect(attempt.cancelled).toBe("service stopping");
    expect(world.last("delivery-released")).toMatchObject({ verdict: "excused" });
    expect(world.consumption.activeDeliveries()).toBe(0);
  });
});
