/**
 * Suppliers that lie, dawdle or speak out of turn on the link: each leaves the money as an honest
 * answer or an honest failure would have, and the journal says what it did.
 */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "#crash/until.ts";
import { RecordType, STREAM_CREDIT_BYTES } from "#protocol/link-records.ts";
import {
  ANSWER,
  type CheatedMarket,
  type Money,
  OUTPUT_TOKENS_MAX,
  SOON_MS_MAX,
  startCheatedMarket,
} from "./cheated-market.fixture.ts";
import { honestly, type Script } from "./cheating-supplier.ts";

/** Longer than the exchange waits for a supplier that fell silent amid an answer. */
const SLOW_TEST_MS_MAX = 60_000;
/** Later than the 2 s and the tenth that the instrument allows. So short an answer has no speed to judge. */
const LATE_MS = 2_500;
const DRIP_MS = 20;

let market: CheatedMarket;
/** What honest answers and honest failures do to the money, for the same question. */
const reference: Record<string, Money> = {};

beforeAll(async () => {
  market = await startCheatedMarket();
  reference.honest = (await market.play(honestly)).money;
  reference.covered = (await market.play((voice) => voice.fail("backend-failed"))).money;
  const breaksOff: Script = async (voice, words) => {
    await market.begin(voice, words);
    voice.fail("backend-stream-broken");
  };
  reference.free = (await market.play(breaksOff)).money;
});

afterAll(() => market.close());

const record = (stream: number, sequence: number, text: string) =>
  [RecordType.delta, Buffer.from(text), { stream, sequence }] as const;

test("an honest answer is paid, an honest failure is covered at its cost or free", () => {
  const { honest: served, covered, free } = reference;
  expect(served).toMatchObject({ honest: 0n, cover: 0n });
  expect(served?.cheat).toBeGreaterThan(0n);
  // What the buyer pays for the covered answer is what it would have paid for the honest one.
  expect(covered).toMatchObject({ buyer: served?.buyer, cover: 0n });
  expect(covered?.honest).toBe(((served?.cheat ?? 0n) * 11n) / 10n);
  expect(covered?.cheat).toBe(-((served?.cheat ?? 0n) / 10n));
  expect(free).toMatchObject({ cheat: 0n, honest: 0n, cover: 0n });
  expect((free?.buyer ?? 0n) - (served?.buyer ?? 0n)).toBe(served?.cheat);
});

interface Trace {
  /** In the journal. */
  event: object;
  /** On the cheat's attempt, as an operator sees it. */
  verdict: string;
  cause: string;
  /** A breach of integrity that the operator sees beside it. */
  breach?: string;
}

const CHEATS: [name: string, end: string, script: Script, trace: Trace][] = [
  [
    "says that it used two million tokens",
    "honest",
    (voice, words) => {
      voice.accept();
      for (const word of words) voice.text(word);
      voice.end({ reportedPromptTokens: 1_000_000, reportedCompletionTokens: 1_000_000 });
    },
    {
      event: { type: "delivery-settled", reportedTokens: 2_000_000 },
      ...{ verdict: "good", cause: "done", breach: "token-inflation" },
    },
  ],
  [
    "signs for another output than it sent",
    "honest",
    (voice, words) => {
      voice.accept();
      for (const word of words) voice.text(word);
      voice.end({ outputSha256: "0".repeat(64) });
    },
    {
      event: { type: "delivery-settled", outputSha256: "0".repeat(64) },
      ...{ verdict: "good", cause: "done", breach: "wrong-digest" },
    },
  ],
  [
    "says that it sent more than came",
    "free",
    async (voice, words) => {
      await market.begin(voice, words);
      for (const word of words.slice(1)) voice.text(word);
      voice.end({ outputBytes: 1_000_000 });
    },
    {
      event: { type: "delivery-released", verdict: "failed", cause: "protocol" },
      ...{ verdict: "failed", cause: "protocol", breach: "wrong-byte-count" },
    },
  ],
  [
    "comes late and drips its words",
    "honest",
    async (voice, words) => {
      voice.accept();
      await pause(LATE_MS);
      for (const word of words) {
        voice.text(word);
        await pause(DRIP_MS);
      }
      voice.end();
    },
    { event: { type: "delivery-settled" }, verdict: "slow", cause: "done" },
  ],
  [
    "goes on after its end, and ends again",
    "honest",
    (voice, words) => {
      honestly(voice, words);
      voice.text("more ".repeat(50));
      voice.end({ reportedCompletionTokens: 50 });
    },
    {
      event: { type: "delivery-settled" },
      ...{ verdict: "good", cause: "done", breach: "frame-after-end" },
    },
  ],
  [
    "fails, and answers all the same when another serves",
    "covered",
    (voice, words) => {
      voice.fail("busy");
      honestly(voice, words);
    },
    {
      event: { type: "attempt-failed", remedy: "cover" },
      ...{ verdict: "failed", cause: "slot-refused", breach: "frame-after-end" },
    },
  ],
  [
    "answers nothing and calls it done",
    "covered",
    (voice) => {
      voice.accept();
      voice.end({ finishReason: null });
    },
    {
      event: { type: "attempt-failed", remedy: "cover" },
      ...{ verdict: "failed", cause: "backend-failed" },
    },
  ],
  [
    "answers nothing, and wants the prompt paid",
    "covered",
    (voice) => {
      voice.accept();
      voice.end({ reportedPromptTokens: 1_000 });
    },
    {
      event: { type: "attempt-failed", remedy: "cover" },
      ...{ verdict: "failed", cause: "empty-alone" },
    },
  ],
  [
    "leaves out records",
    "free",
    async (voice, words) => {
      await market.begin(voice, words);
      voice.record(...record(voice.stream, 99, words.slice(1).join("")));
    },
    {
      event: { type: "delivery-released", verdict: "failed" },
      ...{ verdict: "failed", cause: "protocol", breach: "gap" },
    },
  ],
  [
    "puts the failure on the buyer",
    "covered",
    (voice) => voice.fail("backend-refused", 400),
    {
      event: { type: "attempt-failed", remedy: "cover" },
      ...{ verdict: "failed", cause: "refused-alone" },
    },
  ],
  [
    "breaks off and calls it done",
    "free",
    async (voice, words) => {
      await market.begin(voice, words);
      voice.end({ finishReason: null });
    },
    { event: { type: "delivery-released" }, verdict: "failed", cause: "truncated" },
  ],
];

test.each(CHEATS)(
  "who %s changes the money as much as the %s, and an operator sees it",
  async (_name, end, script, { event, verdict, cause, breach }) => {
    const { money, answer, journal, attempts } = await market.play(script);
    expect(money).toEqual(reference[end]);
    if (end !== "free") expect(answer).toMatchObject({ text: ANSWER, error: null });
    expect(journal).toEqual(expect.arrayContaining([expect.objectContaining(event)]));
    // The cheat is asked first: it is the cheapest.
    expect(attempts[0]).toMatchObject({ supplier_id: market.cheatId, verdict, cause });
    expect(attempts).toHaveLength(end === "covered" ? 2 : 1);
    if (breach !== undefined) expect(await market.breaches(breach)).toBeGreaterThan(0);
  },
  SLOW_TEST_MS_MAX,
);

test("a flood of words is paid up to the reservation and no further", async () => {
  const { answer, journal } = await market.play((voice) => {
    voice.accept();
    // As much as may come before the buyer has taken any.
    voice.text("word ".repeat(STREAM_CREDIT_BYTES / 5 - 1));
    voice.end();
  });
  expect(answer.usage?.completion_tokens).toBe(OUTPUT_TOKENS_MAX);
  const settled = journal.find((event) => event.type === "delivery-settled");
  expect(settled).toMatchObject({ cause: "reservation-used", completionTokens: OUTPUT_TOKENS_MAX });
});

test(
  "who stalls before the first word is covered, and who stalls amid the answer gets nothing",
  async () => {
    await market.cheat.link();
    let asked = 0;
    market.cheat.play((voice, words) => {
      asked += 1;
      return asked === 1 ? market.begin(voice, words) : voice.accept();
    });
    const before = market.moneyNow();
    const amid = market.ask();
    expect(await until(() => asked === 1, SOON_MS_MAX)).toBe(true);
    const [broken, served] = await Promise.all([amid, market.ask()]);
    const after = market.moneyNow();
    expect(broken.error).toMatch(/Nothing was billed/);
    expect(served).toMatchObject({ text: ANSWER, error: null });
    expect(market.leftOf(broken.account)).toBe(reference.free?.buyer);
    expect(market.leftOf(served.account)).toBe(reference.covered?.buyer);
    expect(after.cheat - before.cheat).toBe(reference.covered?.cheat);
    expect(after.honest - before.honest).toBe(reference.covered?.honest);
    expect(broken.delivery).toMatchObject({ end: "released", endCause: "timeout" });
    expect(served.delivery.failures).toMatchObject([{ cause: "timeout" }]);
    for (const answer of [broken, served]) {
      const [first] = await market.attemptsAt(answer);
      expect(first).toMatchObject({
        supplier_id: market.cheatId,
        ...{ verdict: "failed", cause: "timeout", why: "the supplier sent nothing for too long" },
      });
    }
  },
  SLOW_TEST_MS_MAX,
);

test("who answers on a stream that was never opened to it is covered, and sells no more", async () => {
  const other = await startCheatedMarket();
  try {
    const { money, answer, journal, attempts } = await other.play((voice, words) => {
      voice.accept();
      voice.record(...record(voice.stream + 1_000, 0, words.join("")));
    });
    expect(money).toEqual(reference.covered);
    expect(answer).toMatchObject({ text: ANSWER, error: null });
    expect(await other.breaches("foreign-stream")).toBe(1);
    expect(attempts[0]).toMatchObject({ supplier_id: other.cheatId, verdict: "failed" });
    for (const wanted of [
      { type: "integrity-recorded", kind: "foreign-stream" },
      { type: "supplier-suspended" },
      { type: "attempt-failed", remedy: "cover" },
    ]) {
      expect(journal).toEqual(expect.arrayContaining([expect.objectContaining(wanted)]));
    }
  } finally {
    await other.close();
  }
});

test("counted again from the journal, nobody has more or less than prices and tokens say", () => {
  expect(market.facts.problemsWhenIdle()).toEqual([]);
});
