/**
 * The order of effects, proven from outside: the real process under strace, and every answer that
 * acknowledges something against the sync of the journal before it. CI must have strace; without it
 * these tests are skipped on a developer's machine and fail in CI.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Acknowledgement, earlyAnswers } from "./effect-order.ts";
import { readTrace } from "./system-call-trace.ts";
import { traceExchange } from "./traced-run.ts";

const hasStrace = spawnSync("strace", ["-V"]).status === 0;
const isOptional = process.env.CI === undefined || process.env.CI === "";
const MISSING = "strace is not installed: apt-get install strace";
const TRACE_MS_MAX = 240_000;

const order: Acknowledgement = {
  what: "order a-1",
  answer: ["HTTP/1.1 201", '"client_order_id":"a-1"'],
  event: ['"clientOrderId":"a-1"'],
};
const WRITE = String.raw`7 pwrite64(9</d/journal.db-wal>, "\0\1{\"clientOrderId\":\"a-1\"}", 4096, 56) = 4096`;
const SYNC = "7 fdatasync(9</d/journal.db-wal>) = 0";
const ANSWER = String.raw`1 writev(5<TCP:[127.0.0.1:80->127.0.0.1:9]>, [{iov_base="HTTP/1.1 201 Created\r\n\r\n", iov_len=24}, {iov_base="{\"client_order_id\":\"a-1\"}", iov_len=25}], 2) = 49`;
const found = (...lines: string[]) => earlyAnswers(readTrace(lines.join("\n")), [order]);

test("an answer after the sync after the write is in order, also when other threads run between", () => {
  expect(found(WRITE, SYNC, ANSWER)).toEqual([]);
  const begun = "7 fdatasync(9</d/journal.db-wal> <unfinished ...>";
  const other = '1 write(3<pipe:[77]>, "x", 1) = 1';
  expect(found(WRITE, begun, other, "7 <... fdatasync resumed>) = 0", ANSWER)).toEqual([]);
});

const begunSync = "7 fsync(9</d/journal.db-wal> <unfinished ...>";
const endedSync = "7 <... fsync resumed>) = 0";
test.each<[string, string[], RegExp]>([
  ["an answer before its event is written", [ANSWER, WRITE, SYNC], /was written at line 2/],
  ["an answer whose event is never written", [SYNC, ANSWER], /never written/],
  ["an answer before the sync begins", [WRITE, ANSWER, SYNC], /no sync/],
  ["an answer before the sync ends", [WRITE, begunSync, ANSWER, endedSync], /no sync/],
  ["a sync that began before the write", [begunSync, WRITE, endedSync, ANSWER], /no sync/],
  ["a sync that failed", [WRITE, SYNC.replace("= 0", "= -1 EIO (I/O error)"), ANSWER], /no sync/],
  ["a sync of another file", [WRITE, SYNC.replace("journal", "history"), ANSWER], /no sync/],
  ["an answer that is not in the trace", [WRITE, SYNC], /no write to a socket/],
])("%s is reported", (_name, lines, sentence) => {
  expect(found(...lines)).toEqual([expect.stringMatching(sentence)]);
});

test("a trace in which the answer overtakes the sync is reported", () => {
  const file = new URL("./answered-too-early.trace.txt", import.meta.url);
  const calls = readTrace(readFileSync(file, "latin1"));
  const second = {
    what: "order a-2",
    answer: ["HTTP/1.1 201", '"client_order_id":"a-2"'],
    event: ['"clientOrderId":"a-2"'],
  };
  expect(earlyAnswers(calls, [order, second])).toEqual([
    "order a-2: answered at line 9, no sync since its event of line 7 had ended",
  ]);
});

test("a string that the tracer cut is no evidence", () => {
  expect(() => readTrace('1 write(5<TCP:[a:1->b:2]>, "HTT"..., 300) = 300')).toThrow(
    /cut a string/,
  );
});

test(
  "no answer of the real process leaves before its event is synced",
  async (context) => {
    if (!hasStrace && isOptional) context.skip(MISSING);
    expect(hasStrace, MISSING).toBe(true);
    const { trace, acknowledgements } = await traceExchange({ acknowledgesEarly: false });
    // 40 orders, and 20 each of cancels, deposits, keys, reads, and completions with a begin and an end.
    expect(acknowledgements).toHaveLength(160);
    expect(earlyAnswers(readTrace(trace), acknowledgements)).toEqual([]);
  },
  TRACE_MS_MAX,
);

test(
  "a process that acknowledges before the sync is reported for it",
  async (context) => {
    if (!hasStrace && isOptional) context.skip(MISSING);
    expect(hasStrace, MISSING).toBe(true);
    const { trace, acknowledgements } = await traceExchange({ acknowledgesEarly: true });
    const early = earlyAnswers(readTrace(trace), acknowledgements);
    for (const kind of [
      /^order/,
      /^cancel/,
      /^deposit/,
      /^key/,
      /^read/,
      /^completion .* first byte/,
      /^completion .* its end/,
    ]) {
      expect(early).toEqual(expect.arrayContaining([expect.stringMatching(kind)]));
    }
  },
  TRACE_MS_MAX,
);
