/** The checks of a crash run, each held to a journal in which that very thing went wrong. */
import { describe, expect, test } from "vitest";
import type { CoreEvent } from "#exchange/core/events.ts";
import { JournalFacts } from "./journal-facts.ts";
import type { Promised, Seen, Told } from "./notebook.ts";
import { brokenPromise, wasDoneBefore, wrongView } from "./promise-check.ts";

type Loose = Record<string, unknown> & { type: CoreEvent["type"] };

const opened = { type: "account-opened", account: 1, name: "a", mode: "easy" } as const;
const deposited = {
  type: "funds-deposited",
  account: 1,
  amountMicros: 5n,
  reference: "wire-1",
  postings: [{ kind: "move", from: "world", to: "1:avail", amount: 5n }],
} as const;
const accepted = {
  type: "order-accepted",
  order: { number: 1, account: 1, clientOrderId: "mine" },
  postings: [{ kind: "hold", hold: "bid1", from: "1:avail", amount: 2n }],
} as const;
const recorded = {
  type: "client-id-recorded",
  account: 1,
  clientId: "mine",
  result: { order: 1 },
} as const;
const closed = {
  type: "order-closed",
  order: 1,
  status: "cancelled",
  postings: [{ kind: "void", hold: "bid1", amount: 2n }],
} as const;
const parts = [{ lot: 1, tokens: 40, priceTicks: 1 }];
const reserved = {
  type: "delivery-reserved",
  delivery: 1,
  attempt: 1,
  requestId: "request-1",
  parts,
  postings: [],
} as const;
const settled = {
  type: "delivery-settled",
  delivery: 1,
  promptTokens: 10,
  completionTokens: 20,
  usedTokens: 30,
  costMicros: 3n,
  parts: [{ lot: 1, tokens: 30, costMicros: 3n }],
  postings: [],
} as const;
const released = { type: "delivery-released", delivery: 1, postings: [] } as const;
const sound: Loose[] = [opened, deposited, accepted, recorded, closed, reserved, settled];

function factsOf(events: readonly Loose[]): JournalFacts {
  const facts = new JournalFacts();
  for (const [at, event] of events.entries()) {
    facts.take({ ...event, seq: at + 1, atMs: 0, version: 1 } as unknown as CoreEvent);
  }
  return facts;
}
const promise = (told: Told): Promised => ({ ...told, processSeq: 0, wasRepeated: false });

const PROMISES: Told[] = [
  { kind: "account", account: 1 },
  { kind: "deposit", reference: "wire-1", account: 1, micros: 5n },
  { kind: "order", account: 1, clientOrderId: "mine", order: 1 },
  { kind: "order refused", account: 1, clientOrderId: "another" },
  { kind: "cancel", order: 1 },
  { kind: "completion begun", requestId: "request-1" },
  { kind: "completion", requestId: "request-1", promptTokens: 10, completionTokens: 20 },
  { kind: "completion free", requestId: "request-2" },
];

test("a journal that holds every promise once has no problem", () => {
  const facts = factsOf(sound);
  expect(facts.problems).toEqual([]);
  expect(PROMISES.map((told) => brokenPromise(promise(told), facts))).toEqual(
    PROMISES.map(() => null),
  );
});

describe("a loss is told", () => {
  const lost: [Told, Loose[]][] = [
    [PROMISES[0] as Told, [deposited]],
    [{ kind: "key", key: "gone" }, sound],
    [PROMISES[1] as Told, [opened]],
    [{ kind: "deposit", reference: "wire-1", account: 1, micros: 6n }, sound],
    [PROMISES[2] as Told, [opened, deposited]],
    [{ kind: "order", account: 1, clientOrderId: "mine", order: 2 }, sound],
    [{ kind: "order refused", account: 1, clientOrderId: "mine" }, sound],
    [PROMISES[4] as Told, [opened, deposited, accepted, recorded]],
    [PROMISES[5] as Told, [opened]],
    [PROMISES[6] as Told, [reserved]],
    [PROMISES[6] as Told, [reserved, released]],
    [{ kind: "completion", requestId: "request-1", promptTokens: 9, completionTokens: 20 }, sound],
    [{ kind: "completion free", requestId: "request-1" }, sound],
  ];
  test.each(lost)("%o", (told, events) => {
    expect(brokenPromise(promise(told), factsOf(events))).toMatch(
      /lost|booked|it is|yet placed|billed|settle|reservation/,
    );
  });
});

describe("what happened twice, or does not add up, is told", () => {
  const cost = { ...settled, costMicros: 4n };
  const over = { ...settled, usedTokens: 50, parts: [{ lot: 1, tokens: 50, costMicros: 3n }] };
  const doubled: [string, Loose[]][] = [
    ["a deposit", [...sound, deposited]],
    ["a client order id", [...sound, { ...accepted, order: { ...accepted.order, number: 2 } }]],
    ["an order", [...sound, accepted]],
    ["a cancel", [opened, deposited, accepted, { ...closed, postings: [] }, closed]],
    ["a request", [...sound, { ...reserved, delivery: 2 }]],
    ["a settlement", [...sound, settled]],
    ["a release after a settlement", [...sound, released]],
    [
      "a key",
      [
        { type: "api-key-added", keyId: "k" },
        { type: "api-key-added", keyId: "k" },
      ],
    ],
    ["a cost that its parts do not have", [reserved, cost]],
    ["more tokens than were reserved", [reserved, over]],
    ["a hold that is not there", [opened, closed]],
  ];
  test.each(doubled)("%s", (_name, events) => {
    expect(factsOf(events).problems.join("\n")).toMatch(/twice|takes|billed|recorded/);
  });
});

describe("a view of the live process that the journal does not give is told", () => {
  const views: Seen[] = [
    { seq: 3, what: "state", sha256: "b" },
    { seq: 3, what: "balance", account: 1, total: 4n, held: 2n },
    { seq: 3, what: "balance", account: 1, total: 5n, held: 0n },
    { seq: 3, what: "open orders", account: 1, orders: [] },
  ];
  const facts = factsOf([opened, deposited, accepted]);
  test.each(views)("%o", (view) => {
    expect(wrongView(view, facts, () => "a")).toMatch(/^at event 3/);
  });

  test("and one that it gives is not", () => {
    const balance = { seq: 3, what: "balance", account: 1, total: 5n, held: 2n } as const;
    expect(wrongView({ seq: 3, what: "state", sha256: "a" }, facts, () => "a")).toBeNull();
    expect(wrongView(balance, facts, () => "a")).toBeNull();
    const orders: Seen = { seq: 3, what: "open orders", account: 1, orders: [1] };
    expect(wrongView(orders, facts, () => "a")).toBeNull();
  });
});

test("a repeat counts as already done only when an earlier process had done it", () => {
  const facts = factsOf(sound);
  const order = PROMISES[2] as Told;
  const told = (wasRepeated: boolean, processSeq: number) =>
    wasDoneBefore({ ...order, wasRepeated, processSeq }, facts);
  expect([told(true, 3), told(true, 2), told(false, 3)]).toEqual([true, false, false]);
});
