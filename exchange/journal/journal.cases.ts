/** The suite that every journal passes: what was appended comes back, in order, after reopening. */
import { describe, expect, test } from "vitest";
import { SNAPSHOT_SCHEMA_VERSION } from "#exchange/core/snapshot.ts";
import { finish, PIECE_BYTES } from "./errands.ts";
import { chainProblem } from "./hash-chain.ts";
import {
  BATCH_BYTES_MAX,
  type Batch,
  type ChainedBatch,
  type Journal,
  JournalError,
} from "./journal.ts";
import { storeSnapshot } from "./snapshot-storage.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytesOf = (words: string) => new TextEncoder().encode(words);
const batch = (firstSeq: number, lastSeq: number): Batch => ({
  firstSeq,
  lastSeq,
  atMs: 1_000 * lastSeq,
  events: bytesOf(`events ${firstSeq} to ${lastSeq}`),
});
const save = (journal: Journal, seq: number, bytes = bytesOf(`state at ${seq}`)) =>
  finish(storeSnapshot({ seq, bytes }, SNAPSHOT_SCHEMA_VERSION), journal.run);
const firstSeqs = (journal: Journal) =>
  [...journal.recovered.batches].map(({ firstSeq }) => firstSeq);

/** `open` opens the same place each time, once the journal before it is closed. */
export function journalCases(open: (readModelSeq?: number) => Promise<Journal>): void {
  /** Writes, closes and opens again. */
  async function reopened(write: (journal: Journal) => Promise<void>): Promise<Journal> {
    const journal = await open();
    await write(journal);
    await journal.close();
    return open();
  }

  test("an empty journal recovers nothing and ends at 0", async () => {
    const journal = await open(0);
    expect(journal.recovered.snapshot).toBeNull();
    expect([...journal.recovered.batches]).toEqual([]);
    expect(journal.lastSeq).toBe(0);
    await journal.close();
  });

  test("appended batches come back as they were, in order, and are gone on from", async () => {
    const journal = await reopened(async (first) => {
      await first.append(batch(1, 3));
      await first.append(batch(4, 4));
      expect(first.lastSeq).toBe(4);
    });
    expect(journal.lastSeq).toBe(4);
    const batches = [...journal.recovered.batches];
    expect(batches.map(({ events, ...rest }) => ({ ...rest, events: text(events) }))).toMatchObject(
      [
        { firstSeq: 1, lastSeq: 3, atMs: 3_000, events: "events 1 to 3" },
        { firstSeq: 4, lastSeq: 4, atMs: 4_000, events: "events 4 to 4" },
      ],
    );
    await journal.append(batch(5, 6));
    await journal.close();
    const last = await open();
    expect(last.lastSeq).toBe(6);
    await last.close();
  });

  test("recovery starts at the newest snapshot, with the batch that straddles it", async () => {
    const journal = await reopened(async (first) => {
      await first.append(batch(1, 2));
      await first.append(batch(3, 6));
      await save(first, 2);
      await save(first, 4);
      await first.append(batch(7, 7));
    });
    expect(journal.recovered.snapshot?.seq).toBe(4);
    expect(text(journal.recovered.snapshot?.bytes)).toBe("state at 4");
    expect(firstSeqs(journal)).toEqual([3, 7]);
    await journal.close();
  });

  test("a snapshot of several parts comes back whole, and the newest two are kept", async () => {
    const large = new Uint8Array(3 * PIECE_BYTES + 10).map((_byte, index) => index % 251);
    const journal = await reopened(async (first) => {
      for (const seq of [1, 2, 3, 4]) {
        await first.append(batch(seq, seq));
        await save(first, seq, large.subarray(seq));
      }
    });
    expect(journal.recovered.snapshot?.seq).toBe(4);
    expect(journal.recovered.snapshot?.bytes).toEqual(Buffer.from(large.subarray(4)));
    await journal.append(batch(5, 5));
    const headers = await journal.run({ type: "list-snapshots" });
    expect(headers.map(({ seq, parts }) => [seq, parts])).toEqual([
      [4, 4],
      [3, 4],
    ]);
    const gone = await journal.run({ type: "read-snapshot-part", seq: 2, part: 0 });
    expect(gone.length).toBe(0);
    await journal.close();
  });

  test("a snapshot without its header is not seen, and its parts are removed by the next", async () => {
    const journal = await reopened(async (first) => {
      await first.append(batch(1, 1));
      const bytes = bytesOf("half of a state");
      await first.run({ type: "save-snapshot-part", seq: 1, part: 0, bytes });
    });
    expect(journal.recovered.snapshot).toBeNull();
    await journal.append(batch(2, 2));
    await save(journal, 2);
    const part = await journal.run({ type: "read-snapshot-part", seq: 1, part: 0 });
    expect(part.length).toBe(0);
    await journal.close();
  });

  test("batches are read back between appends in pieces, chained to each other", async () => {
    const journal = await open();
    const events = new Uint8Array(PIECE_BYTES / 2 + 1);
    for (const seq of [1, 2, 3]) {
      await journal.append({ ...batch(seq, seq), events: Uint8Array.from(events) });
    }
    const read: ChainedBatch[] = [];
    for (let afterSeq = 0; ; afterSeq = read.at(-1)?.lastSeq ?? 0) {
      const piece = await journal.run({ type: "read-batches", afterSeq });
      if (piece.length === 0) break;
      const bytes = piece.reduce((sum, each) => sum + each.events.length, 0);
      expect(bytes).toBeLessThanOrEqual(PIECE_BYTES);
      read.push(...piece);
      if (read.length === 2) await journal.append(batch(4, 4));
    }
    expect(read.map(({ lastSeq }) => lastSeq)).toEqual([1, 2, 3, 4]);
    const newestFirst = read.toReversed();
    expect(chainProblem(newestFirst, { fromSeq: 0, proveBytes: Infinity })).toBeNull();
    await journal.close();
  });

  test("a read model gets every batch after where it stands, and the core what it needs", async () => {
    const journal = await reopened(async (first) => {
      for (const each of [batch(1, 2), batch(3, 6), batch(7, 7)]) await first.append(each);
      await save(first, 6);
    });
    await journal.close();
    const seen: [number, number[]][] = [];
    for (const readModelSeq of [0, 1, 2, 5, 6, 7]) {
      const again = await open(readModelSeq);
      seen.push([readModelSeq, firstSeqs(again)]);
      await again.close();
    }
    expect(seen).toEqual([
      [0, [1, 3, 7]],
      [1, [1, 3, 7]],
      [2, [3, 7]],
      [5, [3, 7]],
      [6, [7]],
      [7, [7]],
    ]);
  });

  test("a journal that ends before what a read model knows has lost its end", async () => {
    const journal = await reopened((first) => first.append(batch(1, 2)));
    await journal.close();
    const opening = open(3);
    await expect(opening).rejects.toThrow(JournalError);
    await expect(opening).rejects.toThrow("ends at event 2, but the read model knows event 3");
  });

  test("what was there cannot be read any more once it is written to", async () => {
    const journal = await open();
    await journal.append(batch(1, 2));
    expect(() => [...journal.recovered.batches]).toThrow("before its first write");
    await journal.close();
  });

  test("closing twice is closing once, and a closed journal takes nothing", async () => {
    const journal = await open();
    await journal.append(batch(1, 2));
    await journal.close();
    await journal.close();
    await expect(journal.append(batch(3, 3))).rejects.toThrow("closed");
  });

  describe("refused, with nothing written by it or after it:", () => {
    const refusals: [string, (journal: Journal) => Promise<void>, string][] = [
      ["a batch after a gap", (journal) => journal.append(batch(4, 5)), "journal ends at 2"],
      ["a batch a second time", (journal) => journal.append(batch(1, 2)), "journal ends at 2"],
      [
        "a batch that ends before it starts",
        (journal) => journal.append({ ...batch(3, 3), lastSeq: 2 }),
        "ends at 2",
      ],
      [
        "a batch of nothing",
        (journal) => journal.append({ ...batch(3, 3), events: bytesOf("") }),
        `expected 1 to ${BATCH_BYTES_MAX}`,
      ],
      [
        "a snapshot of a state that is not durable",
        async (journal) => void (await save(journal, 3)),
        "append first",
      ],
    ];
    test.each(refusals)("%s", async (_name, write, words) => {
      const journal = await reopened(async (first) => {
        await first.append(batch(1, 2));
        const writing = write(first);
        await expect(writing).rejects.toThrow(JournalError);
        await expect(writing).rejects.toThrow(words);
        await expect(first.append(batch(3, 3))).rejects.toThrow(words);
        expect(first.lastSeq).toBe(2);
      });
      expect(journal.lastSeq).toBe(2);
      expect(journal.recovered.snapshot).toBeNull();
      await journal.close();
    });
  });
}
