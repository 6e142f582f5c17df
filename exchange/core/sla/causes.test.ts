import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DELIVERY_ERROR_CODES } from "#protocol/link-messages.ts";
import { causeOf, isKnownCause } from "./causes.ts";

describe("whose doing a cause is", () => {
  test.each([
    ["no-accept", "failed", null],
    ["supplier-away", "failed", null],
    ["no-node", "failed", null],
    ["timeout", "failed", null],
    ["malformed", "failed", null],
    ["backend-unreachable", "failed", null],
    ["link-lost", "failed", "cut"],
    ["backend-failed", "failed", "error"],
    ["truncated", "failed", "cut"],
    ["busy", "excused", null],
    ["poison-request", "excused", null],
    ["exchange-restarted", "excused", null],
    ["exchange-slow", "excused", null],
    ["reservation-timeout", "excused", null],
    ["client-gone", "excused", null],
    ["service-stopping", "excused", null],
    ["empty-answer", "excused", null],
    ["supplier-drained", "excused", null],
    ["a cause nobody wrote down", "failed", null],
    ["constructor", "failed", null],
  ])("%s: %s, crash: %s", (cause, verdict, crash) => {
    expect(causeOf(cause)).toMatchObject({ verdict, crash });
  });

  test.each([
    ["backend-failed", true, false],
    ["supplier-away", true, true],
    ["supplier-paused", true, true],
    ["supplier-drained", true, true],
    ["exchange-resuming", false, true],
    ["client-gone", false, false],
  ])(
    "%s: others' serving is paid by it: %s, it was sent nothing: %s",
    (cause, isCharged, isUnsent) => {
      expect(causeOf(cause)).toMatchObject({ isCharged, isUnsent });
    },
  );
});

/** Sources of a folder, tests aside, as one text. */
function sourceOf(folder: string): string {
  const url = new URL(folder, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith(".ts") && !/\.(test|fixture|cases)\.ts$/.test(name))
    .map((name) => readFileSync(new URL(name, url), "utf8"))
    .join("\n");
}

/** Causes as they are written: the calls that end a delivery, and the codes of attempts that failed. */
const WRITTEN: [what: string, folder: string, pattern: RegExp][] = [
  ["a release", "../../consumption/", /#release\(\s*"(?:failed|excused)",\s*"([a-z-]+)"/g],
  ["a settlement", "../../consumption/", /#settle\(\s*[^,]+,\s*"([a-z-]+)"/g],
  ["a broken attempt", "../../consumption/", /#broken\(\s*"([a-z-]+)"/g],
  ["a client that left", "../../consumption/", /#leave\(\s*"([a-z-]+)"/g],
  ["a limit that was reached", "../../consumption/", /#limitReached\(\s*"([a-z-]+)"/g],
  ["an attempt error", "../../suppliers/", /\bcode: "([a-z-]+)",\s*message: [^}]*status: null/g],
  ["an end", "../../consumption/", /\bcause: "([a-z-]+)"/g],
  ["a cause of the core", "../clearing/", /cause: "([a-z-]+)"/g],
  ["a cause of the core's timers", "../", /cause: "([a-z-]+)"/g],
];

describe("no cause that the source uses is missing from the table", () => {
  test("the error codes of the link", () => {
    expect(DELIVERY_ERROR_CODES.filter((code) => !isKnownCause(code))).toEqual([]);
  });

  test.each(WRITTEN)("%s", (_what, folder, pattern) => {
    const causes = [...sourceOf(folder).matchAll(pattern)].map(([, cause]) => cause as string);
    expect(causes.filter((cause) => !isKnownCause(cause))).toEqual([]);
  });

  test("and the search finds what is there", () => {
    const found = WRITTEN.flatMap(([, folder, pattern]) =>
      [...sourceOf(folder).matchAll(pattern)].map(([, cause]) => cause),
    );
    expect(found).toEqual(
      expect.arrayContaining([
        ...["service-stopping", "empty-answer", "timeout", "client-gone", "reservation-used"],
        ...["no-node", "busy", "reservation-timeout", "exchange-restarted"],
      ]),
    );
  });
});
