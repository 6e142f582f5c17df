/**
 * Mutated frames against a session and its decoder: nothing leaves the session as an exception, every
 * attempt has one end, and a neighbour notices nothing. `SEED` replays a run, `RUNS` asks for more.
 */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  decodeRecords,
  encodeRecord,
  LinkFormatError,
  RecordType,
} from "#protocol/link-records.ts";
import { eventually, type ScriptedAgent, startLink, type TestLink } from "./link.fixture.ts";

const SEED = Number(process.env.SEED ?? 20_261_125);
const RUNS = Number(process.env.RUNS ?? 60);

let link: TestLink;
let neighbour: ScriptedAgent;
let faults: unknown[] = [];
const onFault = (error: unknown) => faults.push(error);

beforeEach(async () => {
  faults = [];
  process.on("uncaughtException", onFault);
  link = await startLink({ hellos: { perSecond: 1_000_000, burst: 1_000_000 } });
  neighbour = await link.agent("sam");
});
afterEach(async () => {
  await link.close();
  process.off("uncaughtException", onFault);
});

const end = JSON.stringify({
  finishReason: "stop",
  reportedPromptTokens: null,
  reportedCompletionTokens: null,
  outputBytes: 2,
  outputSha256: createHash("sha256").update("hi").digest("hex"),
});

/** What an honest agent sends for its first two streams, after its supply. */
const honest: Buffer[] = [1, 2].flatMap((stream) => [
  encodeRecord(RecordType.accepted, stream, 0, Buffer.alloc(0)),
  encodeRecord(RecordType.delta, stream, 1, Buffer.from("hi"), { count: 1 }),
  encodeRecord(RecordType.end, stream, 2, Buffer.from(end)),
]);

type Mutation =
  | { kind: "flip"; record: number; at: number; to: number }
  | { kind: "header"; record: number; at: number; to: number }
  | { kind: "cut"; record: number; at: number }
  | { kind: "drop"; record: number }
  | { kind: "again"; record: number }
  | { kind: "swap"; record: number; with: number }
  | { kind: "insert"; record: number; type: number; stream: number; payload: Uint8Array };

const place = fc.nat(honest.length - 1);
const byte = fc.nat(255);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), record: place, at: fc.nat(200), to: byte }),
  fc.record({ kind: fc.constant("header" as const), record: place, at: fc.nat(15), to: byte }),
  fc.record({ kind: fc.constant("cut" as const), record: place, at: fc.nat(40) }),
  fc.record({ kind: fc.constant("drop" as const), record: place }),
  fc.record({ kind: fc.constant("again" as const), record: place }),
  fc.record({ kind: fc.constant("swap" as const), record: place, with: place }),
  fc.record({
    kind: fc.constant("insert" as const),
    record: place,
    type: fc.nat(16),
    stream: fc.nat(4),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map((text) => Buffer.from(text)),
    ),
  }),
);

function mutated(mutations: readonly Mutation[]): Buffer[] {
  let records: Buffer[] = honest.map((record) => Buffer.from(record));
  for (const each of mutations) {
    const at = Math.min(each.record, records.length - 1);
    const record = records[at];
    if (record === undefined) break;
    if (each.kind === "flip" || each.kind === "header") {
      if (record.length > 0) record[each.at % record.length] = each.to;
    } else if (each.kind === "cut") records[at] = record.subarray(0, each.at);
    else if (each.kind === "drop") records.splice(at, 1);
    else if (each.kind === "again") records.splice(at, 0, Buffer.from(record));
    else if (each.kind === "swap") {
      const other = Math.min(each.with, records.length - 1);
      records[at] = records[other] as Buffer;
      records[other] = record;
    } else {
      const { type, stream, payload } = each;
      records.splice(at, 0, encodeRecord(type as RecordType, stream, 0, payload));
    }
    records = records.filter(({ length }) => length > 0);
  }
  return records;
}

test("the decoder gives records or says what is wrong, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(mutation), (noise, mutations) => {
      for (const bytes of [Buffer.from(noise), Buffer.concat(mutated(mutations))]) {
        try {
          const records = decodeRecords(bytes);
          const length = records.reduce((sum, { payload }) => sum + 16 + payload.length, 0);
          expect(length).toBe(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(LinkFormatError);
        }
      }
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test("a session takes mutated frames without an exception, one end per attempt, and alone", async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      async (mutations, together) => {
        number += 1;
        const agent = await link.agent(`mallory-${number}`);
        const bystander = link.dispatch(neighbour);
        await neighbour.request(number);
        const attempts = [link.dispatch(agent), link.dispatch(agent)];
        await agent.request(2);
        const records = mutated(mutations);
        if (together) agent.raw(Buffer.concat(records));
        else for (const record of records) agent.raw(record);
        neighbour.accept(number);
        neighbour.delta(number, "ok");
        neighbour.end(number, 2);
        expect(await bystander.ended()).toBe("served");
        agent.carrier?.close(1000);
        for (const attempt of attempts) {
          await attempt.ended();
          expect(attempt.ends).toBe(1);
          if (attempt.error === null) expect(attempt.text).toHaveLength(2);
        }
        await eventually("the end of the session", () =>
          link.registry.sessionsOf(agent.account).length === 0 ? true : undefined,
        );
        expect(faults).toEqual([]);
        expect(neighbour.closes).toEqual([]);
        expect(link.integrity.every(({ account }) => account !== neighbour.account)).toBe(true);
      },
    ),
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
});
