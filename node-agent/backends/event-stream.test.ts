import fc from "fast-check";
import { expect, test } from "vitest";
import { chunk } from "./backend-server.fixture.ts";
import { EventStreamReader, errorText } from "./event-stream.ts";

const sse = (events: readonly string[]) =>
  Buffer.from(events.map((data) => `data: ${data}\n\n`).join(""));

function read(parts: readonly Uint8Array[]): object[] {
  const reader = new EventStreamReader();
  const pieces: object[] = [];
  for (const part of parts) {
    reader.push(part);
    for (let piece = reader.next(); piece !== null; piece = reader.next()) pieces.push(piece);
  }
  return [...pieces, reader.finish()];
}

const finished = (fields: object = {}) => ({
  finishReason: "stop",
  promptTokens: null,
  completionTokens: null,
  ...fields,
});
const end = chunk({}, "stop");
const logprobs = JSON.stringify({
  choices: [{ index: 0, delta: { content: "a" }, logprobs: { content: [{ token: "a" }] } }],
});
const second = JSON.stringify({ choices: [{ index: 1, delta: { content: "b" } }] });
const both = JSON.stringify({
  choices: [
    { index: 0, delta: { content: "a" } },
    { index: 1, delta: { content: "b" } },
  ],
});
const tool = chunk({ tool_calls: [{ index: 0, function: { name: "f", arguments: "{" } }] });

test.each<[string, string[], object[]]>([
  ["text", [chunk({ content: "a" })], [{ type: "text", text: "a" }]],
  ["a bare role is dropped", [chunk({ role: "assistant", content: "" })], []],
  ["text with a role", [chunk({ role: "assistant", content: "a" })], [{ type: "text", text: "a" }]],
  [
    "text with empty other fields",
    [chunk({ content: "a", refusal: null, reasoning_content: "", tool_calls: [] })],
    [{ type: "text", text: "a" }],
  ],
  ["a tool call goes on as it came", [tool], [{ type: "event", json: tool }]],
  [
    "reasoning goes on as it came",
    [chunk({ reasoning: "hm" })],
    [{ type: "event", json: chunk({ reasoning: "hm" }) }],
  ],
  [
    "a refusal goes on as it came",
    [chunk({ refusal: "no" })],
    [{ type: "event", json: chunk({ refusal: "no" }) }],
  ],
  ["text with logprobs goes on as it came", [logprobs], [{ type: "event", json: logprobs }]],
  ["a second choice goes on as it came", [second], [{ type: "event", json: second }]],
  ["two choices in one go on as they came", [both], [{ type: "event", json: both }]],
  ["what has no choices is dropped", ['{"choices":[]}', '{"prompt_filter_results":[]}'], []],
])("%s", (_name, events, pieces) => {
  expect(read([sse([...events, end, "[DONE]"])])).toEqual([...pieces, finished()]);
});

const usage = { prompt_tokens: 7, completion_tokens: 3 };
const counted = finished({ promptTokens: 7, completionTokens: 3 });
test.each([
  ["behind the finish", [end, JSON.stringify({ choices: [], usage }), "[DONE]"]],
  ["with the finish", [JSON.stringify({ ...JSON.parse(end), usage }), "[DONE]"]],
  [
    "followed by null",
    [JSON.stringify({ choices: [], usage }), end, '{"choices":[],"usage":null}', "[DONE]"],
  ],
])("usage is read %s", (_name, events) => {
  expect(read([sse(events)])).toEqual([counted]);
});

test("the finish reason is that of choice 0", () => {
  const other = JSON.stringify({ choices: [{ index: 1, delta: {}, finish_reason: "length" }] });
  expect(read([sse([other, end, "[DONE]"])]).at(-1)).toMatchObject({ finishReason: "stop" });
});

test.each<[string, string, string, RegExp]>([
  ["nothing", "", "backend-stream-broken", /without a finish reason and without \[DONE\]/],
  ["text only", `data: ${chunk({ content: "a" })}\n\n`, "backend-stream-broken", /without/],
  ["[DONE] without a finish reason", "data: [DONE]\n\n", "backend-stream-broken", /finish reason$/],
  [
    "a finish reason without [DONE]",
    `data: ${end}\n\n`,
    "backend-stream-broken",
    /without \[DONE\]$/,
  ],
  ["a page", "<html><body>Bad gateway</body></html>\n\n", "backend-stream-broken", /without/],
  ["no JSON", "data: {oops\n\n", "backend-stream-broken", /not JSON: \{oops/],
  ["a list", "data: 7\n\n", "backend-stream-broken", /no object/],
  ["choices that are no list", 'data: {"choices":{}}\n\n', "backend-stream-broken", /no list/],
  [
    "an error event",
    'data: {"error":{"message":"out of memory"}}\n\n',
    "backend-failed",
    /^out of/,
  ],
  ["an error as text", 'data: {"error":"gone"}\n\n', "backend-failed", /^gone$/],
  ["an endless line", `data: ${"a".repeat(1_100_000)}`, "backend-stream-broken", /more than/],
])("%s is told as a failure", (_name, text, code, message) => {
  expect(() => read([Buffer.from(text)])).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

test.each<[string, number[][]]>([
  ["a byte that begins no character", [[0xff]]],
  ["a character that goes on wrongly in the next chunk", [[0xe2, 0x82], [0x41]]],
  ["a character that ends with the stream", [[0xe2, 0x82]]],
  ["half of a surrogate pair as bytes", [[0xed, 0xa0, 0x80]]],
])("%s is told as a failure", (_name, chunks) => {
  const parts = [Buffer.from('data: {"choices":[{"delta":{"content":"'), ...chunks];
  expect(() => read(parts.map((part) => Buffer.from(part)))).toThrow(
    expect.objectContaining({
      code: "backend-stream-broken",
      message: expect.stringMatching(/not UTF-8/),
    }),
  );
});

test("what follows [DONE] counts for nothing", () => {
  expect(read([sse([end, "[DONE]", "{oops"])])).toEqual([finished()]);
});

test("comments, other line ends and split lines change nothing", () => {
  const text = `: ping\r\n\r\ndata: ${chunk({ content: "a" })}\r\n\r\nevent: x\r\ndata: ${end}\r\n\r\ndata: [DONE]\r\n\r\n`;
  expect(read([Buffer.from(text)])).toEqual([{ type: "text", text: "a" }, finished()]);
});

test("the same pieces come however the socket cuts the bytes", () => {
  const events = [chunk({ content: "grüße 🌍" }), tool, chunk({ content: "ß" }), end, "[DONE]"];
  const bytes = sse(events);
  const whole = read([bytes]);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const parts = places.slice(1).map((to, index) => bytes.subarray(places[index], to));
      expect(read(parts)).toEqual(whole);
    }),
  );
});

test.each([
  ['{"error":{"message":"too long"}}', "too long"],
  ['{"error":"busy"}', "busy"],
  ["<html>bad gateway</html>", "<html>bad gateway</html>"],
  ["x".repeat(900), "x".repeat(500)],
])("an error body is shown by its message, shortened", (body, text) => {
  expect(errorText(body)).toBe(text);
});
