/** Ways to be paid, or to be excused, for what was not served: none of them works. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import {
  ask,
  type FakeAttempt,
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
  world = await startConsumption({ suppliers: ["sam", "ola", "kim"] });
});
afterEach(() => world.close());

const PROMPT_TOKENS = 5;
const streamed = { ...ask, stream: true as const };
const choice = (index: number, content = "word", reason: string | null = "stop") => ({
  ...{ index, message: { role: "assistant", content }, finish_reason: reason },
});
const post = (fields: object = {}) => world.post(JSON.stringify({ ...ask, ...fields }));
/** Verdict and cause of each attempt at the last delivery that ended. */
function judged(): [string, string][] {
  const event = world.last("delivery-judged");
  if (event?.type !== "delivery-judged") throw new Error("nothing was judged yet");
  return event.attempts.map(({ verdict, cause }) => [verdict, cause]);
}
interface Body {
  choices: { message: { content: string }; finish_reason: string }[];
  usage: { completion_tokens: number };
}

describe("slowness", () => {
  test("a drip is stopped at ten times the expected time, is free and has failed", async () => {
    await start({ timeouts: { slowMsMin: 40 } });
    const answer = post({ stream: true });
    (await world.attempt()).text("one");
    expect(await (await answer).text()).toContain("a tenth of the promised speed");
    expect(world.attempts[0]?.cancelled).toBe("too-slow");
    expect(world.paid()).toEqual([0n]);
    expect(judged()).toEqual([["failed", "too-slow"]]);
  });

  test("output within ten times the expected time goes on", async () => {
    await start({ timeouts: { slowMsMin: 40 } });
    const answer = post({ stream: true });
    const attempt = await world.attempt();
    // 40 tokens may take 20 s at a tenth of 20 tokens a second.
    attempt.text("word ".repeat(40));
    await new Promise((resolve) => setTimeout(resolve, 80));
    attempt.end();
    expect(await (await answer).text()).toContain("[DONE]");
    expect(judged()).toEqual([["good", "done"]]);
  });

  test.each([
    ["empty events", (attempt: FakeAttempt) => attempt.chunk([])],
    ["bare roles", (attempt) => attempt.chunk([{ index: 0, delta: { role: "assistant" } }])],
    ["empty tool calls", (attempt) => attempt.chunk([{ index: 0, delta: { tool_calls: [{}] } }])],
  ] as [string, (attempt: FakeAttempt) => void][])(
    "%s are no sign of life in mid-answer",
    async (_what, say) => {
      await start({ timeouts: { supplierSilentMsMax: 60 } });
      const answer = post({ stream: true });
      const attempt = await world.attempt();
      attempt.text("and then");
      const timer = setInterval(() => say(attempt), 5);
      expect(await (await answer).text()).toContain("sent nothing for 60 ms");
      clearInterval(timer);
    },
  );

  test("what holds nothing begins no answer: another supplier can still take over", async () => {
    const answer = post({ stream: true });
    const first = await world.attempt(1);
    first.chunk([]).chunk([{ index: 0, delta: { tool_calls: [{}] } }]);
    first.fail();
    (await world.attempt(2)).text("saved").end();
    expect(await (await answer).text()).toContain("saved");
    expect(judged()).toEqual([
      ["failed", "backend-failed"],
      ["good", "done"],
    ]);
  });

  test("a tool call's id that came before its name goes out with it", async () => {
    const answer = post({ stream: true });
    const attempt = await world.attempt(1);
    attempt.chunk([{ index: 0, delta: { tool_calls: [{ index: 0, id: "call_1" }] } }]);
    const named = { tool_calls: [{ index: 0, function: { name: "f", arguments: "{}" } }] };
    attempt.chunk([{ index: 0, delta: named }]).end("tool_calls");
    expect(await (await answer).text()).toMatch(/call_1.*\n\n.*"name":"f"/);
  });
});

describe("choices", () => {
  test.each([
    ["one choice twice", 1, [0, 0]],
    ["a choice that nobody asked for", 1, [0, 1]],
    ["a negative one", 1, [-1]],
    ["one of two", 2, [0]],
    ["the first of two twice", 2, [0, 0]],
  ])("a whole answer with %s is malformed", async (_what, n, indexes) => {
    const answer = post({ n });
    (await world.attempt(1)).answer({ choices: indexes.map((index) => choice(index)) }).end();
    const rest = Array.from({ length: n }, (_, index) => choice(index));
    (await world.attempt(2)).answer({ choices: rest }).end();
    expect(((await (await answer).json()) as Body).choices).toHaveLength(n);
    expect(judged()[0]).toEqual(["failed", "malformed"]);
  });

  test.each([
    ["one choice twice", [0, 0]],
    ["a choice that nobody asked for", [7]],
  ])("a chunk with %s is malformed", async (_what, indexes) => {
    const answer = post({ stream: true });
    const chunk = indexes.map((index) => ({ index, delta: { content: "x" } }));
    (await world.attempt(1)).chunk(chunk);
    (await world.attempt(2)).text("saved").end();
    expect(await (await answer).text()).toContain("saved");
    expect(judged()[0]).toEqual(["failed", "malformed"]);
  });

  test("a stream of which a choice never came is truncated, and free", async () => {
    const answer = post({ stream: true, n: 2 });
    (await world.attempt()).text("one").end("stop");
    expect(await (await answer).text()).toContain("ended before its answer did");
    expect(world.paid()).toEqual([0n, 0n, 0n]);
    expect(judged()).toEqual([["failed", "truncated"]]);
  });
});

describe("an answer without a reason to end is truncated", () => {
  test("in mid-stream it is free, and the buyer is told", async () => {
    const answer = post({ stream: true });
    (await world.attempt()).text("half a sen").end(null);
    expect(await (await answer).text()).toContain("supplier_failed");
    expect(world.paid()).toEqual([0n, 0n, 0n]);
    expect(judged()).toEqual([["failed", "truncated"]]);
  });

  test("before the first byte another supplier takes over", async () => {
    const answer = post();
    (await world.attempt(1)).answer({ choices: [choice(0, "half a sen", null)] }).end(null);
    (await world.attempt(2)).answer({ choices: [choice(0, "whole")] }).end();
    expect(await (await answer).text()).toContain("whole");
    expect(judged()[0]).toEqual(["failed", "truncated"]);
  });

  test("unless the agent says how it ended", async () => {
    const answer = post();
    (await world.attempt(1)).answer({ choices: [choice(0, "whole", null)] }).end("stop");
    expect(((await (await answer).json()) as Body).choices[0]?.finish_reason).toBe("stop");
  });
});

describe("the reservation bounds a whole answer", () => {
  test("too long an answer is cut, ends with length and is billed as it is", async () => {
    const answer = post({ max_tokens: 40 });
    const text = "alpha beta gamma delta epsilon zeta ".repeat(300);
    (await world.attempt()).answer({ choices: [choice(0, text)] }).end();
    const { choices, usage } = (await (await answer).json()) as Body;
    const content = choices[0]?.message.content ?? "";
    expect(text.startsWith(content)).toBe(true);
    expect(choices[0]?.finish_reason).toBe("length");
    expect(usage.completion_tokens).toBe(countReferenceTokens(content));
    expect(usage.completion_tokens).toBeGreaterThanOrEqual(38);
    expect(usage.completion_tokens).toBeLessThanOrEqual(40);
    expect(world.paid()[0]).toBe(BigInt(PROMPT_TOKENS + usage.completion_tokens));
    expect(world.last("delivery-settled")).toMatchObject({ finishReason: "length" });
  });

  test("one that fits exactly keeps its own reason", async () => {
    const answer = post({ max_tokens: 3 });
    (await world.attempt()).answer({ choices: [choice(0, "one two three")] }).end();
    expect(await (await answer).json()).toMatchObject({
      choices: [{ message: { content: "one two three" }, finish_reason: "stop" }],
    });
  });

  test("the choices share it", async () => {
    const answer = post({ max_tokens: 3, n: 2 });
    const long = choice(0, "one two three four five");
    (await world.attempt()).answer({ choices: [long, choice(1, "one two three four")] }).end();
    const { choices } = (await (await answer).json()) as Body;
    expect(choices.map(({ message }) => message.content)).toEqual([
      "one two three four five",
      "one",
    ]);
    expect(choices.map((each) => each.finish_reason)).toEqual(["stop", "length"]);
  });
});

describe("what one supplier says of a request", () => {
  const refuse = (attempt: FakeAttempt, status = 422) =>
    attempt.fail({ code: "backend-refused", message: "tools need a template", status });

  test("a refusal is tried elsewhere, and has failed where another one answers", async () => {
    const answer = post({ stream: true });
    refuse(await world.attempt(1));
    (await world.attempt(2)).text("served").end();
    expect(await (await answer).text()).toContain("served");
    expect(judged()).toEqual([
      ["failed", "refused-alone"],
      ["good", "done"],
    ]);
  });

  test("a backend's 400 is the buyer's own where a second one says the same: told as it is, excused", async () => {
    const call = world.sdk.chat.completions.create(streamed);
    refuse(await world.attempt(1), 400);
    refuse(await world.attempt(2));
    await expect(call).rejects.toMatchObject({
      ...{ status: 422, code: "backend_refused", message: /template/ },
    });
    expect(world.attempts).toHaveLength(2);
    expect(judged()).toEqual([
      ["excused", "refused-alone"],
      // Not `buyer-refused`, which counts towards refusals that nobody else would make.
      ["excused", "refused-twice"],
    ]);
    expect(world.paid()).toEqual([0n, 0n, 0n]);
  });

  test("where nobody else can be asked it is believed", async () => {
    await start();
    const call = post({ stream: true });
    refuse(await world.attempt(1), 400);
    expect((await call).status).toBe(400);
    expect(judged()).toEqual([["excused", "buyer-refused"]]);
  });

  test.each([
    ["streamed", { stream: true }, (attempt: FakeAttempt) => attempt.end("stop")],
    ["whole", {}, (attempt) => attempt.answer({ choices: [choice(0, "")] }).end()],
  ] as [string, object, (attempt: FakeAttempt) => void][])(
    "an empty answer, %s, has failed where another one is not empty",
    async (_how, fields, sayNothing) => {
      const answer = post(fields);
      sayNothing(await world.attempt(1));
      const second = await world.attempt(2);
      if ("stream" in fields) second.text("served").end();
      else second.answer({ choices: [choice(0, "served")] }).end();
      expect(await (await answer).text()).toContain("served");
      expect(judged()[0]).toEqual(["failed", "empty-alone"]);
    },
  );

  test("an answer that is empty twice is the answer: free, and both are excused", async () => {
    const answer = post({ stream: true });
    (await world.attempt(1)).end("stop");
    (await world.attempt(2)).end("stop");
    expect(await (await answer).text()).toContain('"finish_reason":"stop"');
    expect(world.attempts).toHaveLength(2);
    expect(world.paid()).toEqual([0n, 0n, 0n]);
    expect(judged()).toEqual([
      ["excused", "empty-alone"],
      ["excused", "empty-answer"],
    ]);
  });
});
