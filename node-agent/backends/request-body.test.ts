import { expect, test } from "vitest";
import { BUYER_FIELDS, toBackendBody } from "./request-body.ts";

const options = { model: "local", streamed: true, maxOutputTokens: 100 };

test("the local model, the reserved maximum and a request for usage go to the backend", () => {
  expect(toBackendBody({ model: "text-demo", messages: [], temperature: 0 }, options)).toEqual({
    model: "local",
    messages: [],
    temperature: 0,
    max_tokens: 100,
    stream: true,
    stream_options: { include_usage: true },
  });
});

test("nothing of a stream is left where none was bought", () => {
  const request = { stream: true, stream_options: { include_usage: false } };
  expect(toBackendBody(request, { ...options, streamed: false })).toEqual({
    model: "local",
    max_tokens: 100,
    stream: false,
  });
});

test.each([
  [{}, 100],
  [{ max_tokens: 7 }, 7],
  [{ max_completion_tokens: 7 }, 7],
  [{ max_tokens: 50, max_completion_tokens: 7 }, 7],
  [{ max_tokens: 101 }, 100],
  [{ max_tokens: 0 }, 100],
  [{ max_tokens: "7" }, 100],
])("of %o the backend is asked for %i tokens", (request, maxTokens) => {
  const body = toBackendBody(request, options);
  expect(body.max_tokens).toBe(maxTokens);
  expect(body).not.toHaveProperty("max_completion_tokens");
});

test("fields that name the buyer stay behind, and the request itself is not changed", () => {
  const request = Object.fromEntries(BUYER_FIELDS.map((field) => [field, "x"]));
  const body = toBackendBody(request, options);
  for (const field of BUYER_FIELDS) expect(body).not.toHaveProperty(field);
  expect(Object.keys(request)).toEqual([...BUYER_FIELDS]);
});
