import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { REJECTION_CODES } from "#exchange/core/rejections.ts";
import {
  ERRORS,
  type ErrorEntry,
  openaiEntry,
  openaiError,
  type Refusal,
  tradingError,
} from "./errors.ts";

const names = Object.keys(ERRORS) as Refusal[];
const page = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");

test("docs/errors.md says what the table says, row by row", () => {
  const told = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.slice(2, -2).split(" | "));
  const meant = names.map((name) => {
    const { code, status, detail, retryAfterSeconds, message }: ErrorEntry = ERRORS[name];
    const openai = openaiEntry(name);
    return [
      `\`${code}\``,
      String(status),
      detail === undefined ? "" : `\`${detail}\``,
      `${openai.status} \`${openai.type}\` \`${openai.code}\``,
      retryAfterSeconds === undefined ? "" : `${retryAfterSeconds} s`,
      message,
    ];
  });
  expect(told).toEqual(meant);
});

test("every refusal of the core has an entry, and no two share a code", () => {
  expect(REJECTION_CODES.filter((code) => !(code in ERRORS))).toEqual([]);
  const codes = names.map((name) => ERRORS[name].code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
});

test("a refusal that is the client's own doing never has status 500", () => {
  const broken = names.filter((name) => ERRORS[name].status === 500);
  expect(broken).toEqual(["internal-error"]);
});

test.each<[Refusal, number, string, string]>([
  ["invalid-api-key", 401, "invalid_request_error", "invalid_api_key"],
  ["payment-required", 402, "insufficient_quota", "insufficient_balance"],
  ["instrument-not-found", 404, "invalid_request_error", "model_not_found"],
  ["validation-error", 400, "invalid_request_error", "invalid_value"],
  ["no-supplier", 503, "no_capacity", "no_capacity"],
  ["rate-limit-exceeded", 429, "rate_limit_error", "rate_limit_exceeded"],
])("OpenAI's SDKs are told %s as %i", (name, status, type, code) => {
  const error = openaiError(name, "what happened", "model");
  expect(error.status).toBe(status);
  expect(error.body).toEqual({ error: { message: "what happened", type, param: "model", code } });
});

test("the trading envelope keeps the published detail beside the sentence", () => {
  expect(tradingError("order-already-cancelled").body).toEqual({
    errors: {
      detail: "order_already_cancelled",
      code: "ORDER_ALREADY_CANCELLED",
      message: "The order was cancelled before.",
    },
  });
  const refused = tradingError("overloaded", "later", { waiting: 9 });
  expect(refused.headers).toEqual({ "retry-after": "1" });
  expect(refused.body).toMatchObject({ errors: { detail: "later", details: { waiting: 9 } } });
});
