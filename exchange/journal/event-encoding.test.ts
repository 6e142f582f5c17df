import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CoreEvent } from "#exchange/core/events.ts";
import { decodeEvents, EVENT_VERSIONS, encodeEvents } from "./event-encoding.ts";
import { JournalError } from "./journal.ts";

const golden = readFileSync(new URL("./event-encoding.golden.jsonl", import.meta.url));
const lines = golden.toString().trimEnd().split("\n");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (line: string) => new TextEncoder().encode(line);

const isCurrent = (line: string) => {
  const { type, version } = JSON.parse(line);
  return EVENT_VERSIONS[type as keyof typeof EVENT_VERSIONS] === version;
};

test.each(lines.filter(isCurrent).map((line) => [JSON.parse(line).type as string, line]))(
  "a golden %s decodes and encodes to the same bytes",
  (_type, line) => {
    expect(text(encodeEvents(decodeEvents(bytesOf(line))))).toBe(`${line}\n`);
  },
);

test.each(lines.filter((line) => !isCurrent(line)))(
  "an old event is read as a new one: %s",
  (line) => {
    const [event] = decodeEvents(bytesOf(line));
    const { type, version, ...fields } = JSON.parse(line);
    expect(event).toMatchObject({ type, seq: fields.seq, atMs: fields.atMs });
    expect(event?.version).toBeGreaterThan(version);
    expect(isCurrent(text(encodeEvents(event === undefined ? [] : [event])))).toBe(true);
  },
);

test("an attempt that failed before there was cover cost its supplier nothing", () => {
  const old = lines.find((line) => line.startsWith('{"type":"attempt-failed","version":1')) ?? "";
  expect(decodeEvents(bytesOf(old))).toMatchObject([
    { version: 2, remedy: "lots", chargeMaxMicros: 0n, guarantyMaxMicros: 0n },
  ]);
});

test("golden lines are only ever added: none is changed, moved or gone", () => {
  const committed = readFileSync(new URL("./event-encoding.golden.sha256", import.meta.url))
    .toString()
    .trimEnd()
    .split("\n");
  // Each digest is over the one before it and its line, so that an old line cannot change quietly.
  let digest = "";
  const digests = lines.map((line) => {
    digest = createHash("sha256").update(`${digest}\n${line}`).digest("hex");
    return digest;
  });
  expect(digests.slice(0, committed.length)).toEqual(committed);
  const missing = digests.slice(committed.length);
  expect(missing, "a new line is there: append its digest to event-encoding.golden.sha256").toEqual(
    [],
  );
});

test("every type has a golden line of the version that is written", () => {
  const written = lines.map((line) => JSON.parse(line)).map(({ type, version }) => [type, version]);
  expect(written).toEqual(expect.arrayContaining(Object.entries(EVENT_VERSIONS)));
});

test("amounts come back as bigints, exactly, and a recorded answer as it was given", () => {
  const events = decodeEvents(golden);
  const find = (type: string) => events.find((event) => event.type === type);
  expect(find("trade")).toMatchObject({
    valueMicros: 50_000n,
    postings: [{ amount: 50_000n }, {}, {}],
  });
  expect(find("order-closed")).toMatchObject({ postings: [{ amount: 9_007_199_254_740_993n }] });
  expect(find("delivery-settled")).toMatchObject({ parts: [{ costMicros: 42n }] });
  expect(find("client-id-recorded")).toMatchObject({ result: { paidMicros: "42", amount: "7" } });
});

test("whatever stands in an event comes back", () => {
  const event = fc.record({
    type: fc.constant("account-opened"),
    version: fc.constant(EVENT_VERSIONS["account-opened"]),
    seq: fc.nat(),
    atMs: fc.nat(),
    name: fc.string({ unit: "binary" }),
    amountMicros: fc.bigInt(),
    postings: fc.array(fc.record({ kind: fc.constant("move"), amount: fc.bigInt() })),
    parts: fc.array(fc.record({ tokens: fc.integer(), costMicros: fc.bigInt() })),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), (events) => {
      expect(decodeEvents(encodeEvents(events as unknown as CoreEvent[]))).toEqual(events);
    }),
  );
});

test("a bigint in a field that would not bring it back is a bug, told at once", () => {
  const event = { type: "time-passed", version: 1, seq: 1, atMs: 1, tokens: 5n };
  expect(() => encodeEvents([event as unknown as CoreEvent])).toThrow('bigint in field "tokens"');
});

test.each([
  ["type", '{"type":"moon-landed","version":1,"seq":7}', '"moon-landed" version 1'],
  ["version", '{"type":"time-passed","version":2,"seq":7}', '"time-passed" version 2, expected 1'],
])("an event of a %s from a later version is refused in words", (_what, line, words) => {
  expect(() => decodeEvents(bytesOf(line))).toThrow(JournalError);
  expect(() => decodeEvents(bytesOf(line))).toThrow(`event 7 is ${words}`);
});
