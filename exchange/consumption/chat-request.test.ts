import { describe, expect, test } from "vitest";
import { readChatRequest } from "./chat-request.ts";

const message = { role: "user", content: "hello" };
const base = { model: "text-lite", messages: [message] };
const read = (value: unknown) =>
  readChatRequest(
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    (symbol) => symbol === "text-lite",
  );
function accepted(value: unknown) {
  const outcome = read(value);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.request;
}

describe("refused requests name the field", () => {
  test.each([
    ["no JSON", "{", "malformed-json", null],
    ["no object", "[]", "validation-error", null],
    ["null", "null", "validation-error", null],
    ["no model", { messages: [message] }, "validation-error", "model"],
    ["no messages", { model: "text-lite" }, "validation-error", "messages"],
    ["empty messages", { ...base, messages: [] }, "validation-error", "messages"],
    [
      "an unknown role",
      { ...base, messages: [{ role: "robot" }] },
      "validation-error",
      "messages[0].role",
    ],
    [
      "a number as content",
      { ...base, messages: [{ role: "user", content: 1 }] },
      "validation-error",
      "messages[0].content",
    ],
    [
      "an image",
      {
        ...base,
        messages: [
          message,
          { role: "user", content: [{ type: "image_url", image_url: { url: "data:" } }] },
        ],
      },
      "validation-error",
      "messages[1].content[0]",
    ],
    [
      "a null part",
      { ...base, messages: [{ role: "user", content: [null] }] },
      "validation-error",
      "messages[0].content[0]",
    ],
    ["an unknown model", { ...base, model: "gpt-9" }, "instrument-not-found", "model"],
    ["no output", { ...base, max_tokens: 0 }, "validation-error", "max_tokens"],
    ["too many choices", { ...base, n: 9 }, "validation-error", "n"],
    ["five stops", { ...base, stop: ["a", "b", "c", "d", "e"] }, "validation-error", "stop"],
    ["heat", { ...base, temperature: 2.1 }, "validation-error", "temperature"],
    ["a wrong top_p", { ...base, top_p: 1.1 }, "validation-error", "top_p"],
    ["text as stream", { ...base, stream: "yes" }, "validation-error", "stream"],
    [
      "__proto__",
      `{"__proto__":{},"model":"text-lite","messages":[{"role":"user","content":""}]}`,
      "validation-error",
      "__proto__",
    ],
    [
      "__proto__ in a message",
      `{"model":"text-lite","messages":[{"role":"user","__proto__":1}]}`,
      "validation-error",
      "messages[0].__proto__",
    ],
  ])("%s", (_name, value, refusal, param) => {
    expect(read(value)).toMatchObject({ ok: false, refusal, param });
  });

  test("bytes that are not UTF-8", () => {
    const bytes = Buffer.concat([
      Buffer.from('{"model":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    expect(readChatRequest(bytes, () => true)).toMatchObject({ refusal: "malformed-json" });
  });
});

test("a request passes on byte for byte, unknown fields included", () => {
  const text = '{ "model":"text-lite", "messages":[{"role":"user","content":"hi"}], "top_k": 5 }';
  expect(accepted(text).body.toString()).toBe(text);
});

test("fields that name the buyer are taken out", () => {
  const named = {
    ...base,
    user: "u",
    metadata: { a: "b" },
    store: true,
    safety_identifier: "s",
    prompt_cache_key: "p",
    service_tier: "auto",
    top_k: 5,
  };
  expect(JSON.parse(accepted(named).body.toString())).toEqual({ ...base, top_k: 5 });
});

test("every text that a model may be shown is counted: parts, names, tool calls, tools", () => {
  const request = accepted({
    ...base,
    messages: [
      {
        role: "user",
        name: "ann",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
    ],
    tools: [{ type: "function" }],
  });
  expect(request.promptTexts).toEqual(["ann", "a", "b", '[{"id":"1"}]', '[{"type":"function"}]']);
  expect(request.messages).toBe(2);
});

test("null is as good as absent, and max_completion_tokens goes before max_tokens", () => {
  const request = accepted({
    ...base,
    n: null,
    stream: null,
    stop: null,
    max_tokens: 5,
    max_completion_tokens: 7,
    stream_options: null,
    tools: null,
  });
  expect(request).toMatchObject({
    choices: 1,
    streamed: false,
    maxOutputTokens: 7,
    includeUsage: false,
  });
});
