import { expect, test } from "vitest";
import { isBuyersMistake } from "./failure.ts";

test.each([
  ["a backend's 400 on a tool's schema", "backend-refused", 400, "tools.0: no name", true],
  ["a 422 of its validation", "backend-refused", 422, "temperature: at most 2", true],
  ["a backend that is busy", "backend-refused", 429, "busy", false],
  ["its lacking credentials", "backend-refused", 401, "no key", false],
  ["a failure", "backend-failed", 500, "CUDA out of memory", false],
  [
    "vLLM's shorter context",
    "backend-refused",
    400,
    "This model's maximum context length is 4096 tokens",
    false,
  ],
  ["llama.cpp's", "backend-refused", 400, "the request exceeds the available context size", false],
  ["SGLang's", "backend-refused", 400, "The input (9000 tokens) is too long", false],
])("%s", (_what, code, status, message, expected) => {
  expect(isBuyersMistake({ code, status, message })).toBe(expected);
});
