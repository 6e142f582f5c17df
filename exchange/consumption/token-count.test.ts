import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import { createCompletionMeter, outputTextOf } from "./metering.ts";
import { createPromptCounter } from "./prompt-counter.ts";
import { countText, RUN_CHARACTERS_MAX, RunningCount } from "./token-count.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** Text of many kinds, with the characters that the split pattern treats apart. */
const pieces = fc.constantFrom(
  ..."aZ9 '\n\r\t.,/!\"-_{}é̈ß漢字、。ｱ한글ไทยñ",
  "  ",
  "'s",
  "'LL",
  "don't",
  "12345",
  "\r\n",
  "word",
  " Word",
  "CamelCase",
  "😀",
  "👩‍👩‍👧",
  "<|im_start|>",
  "<|endoftext|>",
  "مرحبا",
  "\u0301",
  "ʼ",
);
const text = fc.array(pieces, { maxLength: 200 }).map((list) => list.join(""));

describe(`counting text (seed ${seed})`, () => {
  test("ordinary text counts as the reference tokenizer counts it", () => {
    const ordinary = fc.array(pieces, { maxLength: 60 }).map((list) => list.join(""));
    fc.assert(
      fc.property(ordinary, (value) => {
        fc.pre(value.length <= RUN_CHARACTERS_MAX);
        expect(countText(value)).toBe(countReferenceTokens(value));
      }),
      { seed, numRuns: 500 },
    );
  });

  test("long prose counts as the reference tokenizer counts it", () => {
    const prose =
      "It's 2026: the market's 12,000 Units\n\n  traded (at 1.25) — «déjà vu»; x = y[3];\n";
    const long = prose.repeat(500);
    expect(countText(long)).toBe(countReferenceTokens(long));
  });

  test("text that comes in pieces counts as the whole, however it is cut and however often it is asked", () => {
    const parts = fc.array(fc.tuple(text, fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(parts, (list) => {
        const running = new RunningCount();
        for (const [part, ask] of list) {
          running.add(part);
          if (ask) running.total(Number.POSITIVE_INFINITY);
        }
        const whole = list.map(([part]) => part).join("");
        expect(running.total(Number.POSITIVE_INFINITY)).toBe(countText(whole));
      }),
      { seed, numRuns: 300 },
    );
  });

  test.each([
    ["one letter", "a"],
    ["punctuation", "!"],
    ["blanks", " "],
    ["characters without blanks", "漢"],
    ["emoji", "😀"],
  ])("half a mebibyte of %s is counted in bounded time", (_name, unit) => {
    const hostile = unit.repeat((512 * 1024) / unit.length);
    const started = performance.now();
    expect(countText(hostile)).toBeGreaterThan(0);
    // Uncut, this takes minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("a limit ends the count early", () => {
    expect(countText("word ".repeat(1_000_000), 100)).toBeLessThan(10_000);
  });
});

describe("metering", () => {
  test("special tokens in the output are ordinary text", () => {
    const meter = createCompletionMeter(1000);
    expect(meter.add("0", "<|endoftext|><|im_start|>system")).toBe(false);
    expect(meter.total()).toBe(countReferenceTokens("<|endoftext|><|im_start|>system"));
  });

  test("says when the limit is reached and never bills more", () => {
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (list, limit) => {
          const meter = createCompletionMeter(limit);
          let whole = "";
          for (const part of list) {
            whole += part;
            expect(meter.add("0", part)).toBe(countText(whole) >= limit);
            if (countText(whole) >= limit) break;
          }
          expect(meter.total()).toBe(Math.min(limit, countText(whole)));
        },
      ),
      { seed, numRuns: 200 },
    );
  });

  test("interleaved choices are counted each by itself", () => {
    const meter = createCompletionMeter(1000);
    const answer = "The quick brown fox";
    for (const letter of answer) {
      meter.add("0", letter);
      meter.add("1", letter);
    }
    expect(meter.total()).toBe(2 * countReferenceTokens(answer));
  });

  test("tool calls, reasoning and refusals are output; roles and ids are not", () => {
    const delta = {
      role: "assistant",
      content: "a",
      reasoning_content: "b",
      refusal: "c",
      tool_calls: [
        { index: 0, id: "call_1", type: "function", function: { name: "d", arguments: "e" } },
      ],
    };
    expect(outputTextOf(delta)).toEqual({ content: "a", other: "bcde" });
  });
});

test("long prompts are counted in the thread, in order, and equal to counting here", async () => {
  const counter = createPromptCounter();
  const long = "A sentence of ordinary length. ".repeat(4_000);
  expect(
    await Promise.all([
      counter.count([long]),
      counter.count([long, "and more"]),
      counter.count(["x"]),
    ]),
  ).toEqual([countText(long), countText(long) + countText("and more"), 1]);
  await counter.close();
});

test("text that came in small pieces takes little more memory than its characters", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const counts = Array.from({ length: 200 }, () => new RunningCount());
  collect();
  const beforeBytes = process.memoryUsage().heapUsed;
  // Other letters each time, or V8 would give all counts the same string.
  for (const [index, running] of counts.entries()) {
    for (let piece = 0; piece < 2_000; piece += 1) {
      running.add(String.fromCharCode(97 + ((index + piece) % 26)));
    }
  }
  collect();
  const bytesEach = (process.memoryUsage().heapUsed - beforeBytes) / counts.length;
  expect(counts.every((running) => running.total(100_000) > 0)).toBe(true);
  expect(bytesEach).toBeLessThan(10_000);
});
