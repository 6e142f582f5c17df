/** What ends the wait for a first token: the beginning of an answer, and nothing that merely looks alive. */
import { expect, test } from "vitest";
import { systemClock } from "#exchange/clock.ts";
import { type LinkRecord, RecordType } from "#protocol/link-records.ts";
import type { AttemptClock, AttemptError } from "./dispatcher.ts";
import { LinkStream } from "./stream.ts";

const EMPTY = '{"choices":[]}';
const FIRST_TOKEN_TIMEOUT_MS = 30;

/** An accepted attempt whose handlers take every event but the empty one for output. */
function accepted() {
  let sequence = 0;
  const ended: { over?: (end: [AttemptError, AttemptClock]) => void } = {};
  const end = new Promise<[AttemptError, AttemptClock]>((resolve) => {
    ended.over = resolve;
  });
  const stream = new LinkStream(
    {
      ...{ supplier: 1, symbol: "s", attemptId: "a", streamed: true, maxOutputTokens: 9 },
      ...{ body: Buffer.alloc(0), firstTokenTimeoutMs: FIRST_TOKEN_TIMEOUT_MS },
    },
    {
      ...{ onDelta() {}, onEvent() {}, onBody() {}, onEnd() {} },
      holdsOutput: (json) => json.toString() !== EMPTY,
      onError: (...how) => ended.over?.(how),
    },
    {
      clock: systemClock,
      home: {
        ...{ acceptTimeoutMs: 60_000, roundTripMs: null },
        ...{ send() {}, onViolation() {}, onOver() {} },
      },
    },
  );
  const say = (type: RecordType, text: string, nowMs: number) => {
    const payload = Buffer.from(text, "latin1");
    stream.receive({ type, flags: 0, count: 0, stream: 1, sequence, payload } as LinkRecord, nowMs);
    sequence += 1;
  };
  say(RecordType.accepted, "", 0);
  return { stream, end, say };
}

test.each([
  ["an empty event", RecordType.event, EMPTY],
  ["half a character", RecordType.delta, "\xf0\x9f"],
])("%s is no first token: the attempt ends when its time is over", async (_what, type, text) => {
  const { stream, end, say } = accepted();
  say(type, text, 1);
  expect(stream.hasOutput).toBe(false);
  const [error, clock] = await end;
  expect(error.code).toBe("timeout");
  expect(clock.firstOutputMs).toBe(null);
});

test.each([
  [
    "text behind an empty event",
    [
      [RecordType.event, EMPTY],
      [RecordType.delta, "x"],
    ],
  ],
  [
    "the rest of a character",
    [
      [RecordType.delta, "\xf0\x9f"],
      [RecordType.delta, "\x98\x80"],
    ],
  ],
  [
    "an event with something in it",
    [
      [RecordType.event, EMPTY],
      [RecordType.event, "{}"],
    ],
  ],
] as [string, [RecordType, string][]][])("%s is the first token", (_what, records) => {
  const { stream, say } = accepted();
  for (const [at, [type, text]] of records.entries()) say(type, text, 100 * (at + 1));
  expect(stream.clock()).toMatchObject({ firstOutputMs: 200, lastOutputMs: 200 });
  stream.cancel();
});
