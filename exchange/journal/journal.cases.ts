/** The suite that every journal passes: what was appended comes back, in order, after reopening. */
import { describe, expect, test } from "vitest";
import { BATCH_BYTES_MAX, type Batch, type Journal, JournalError } from "./journal.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const bytesOf = (words: string) => new TextEncoder().encode(words);
const batch = (firstSeq: number, lastSeq: number): Batch => ({
  firstSeq,
  lastSeq,
  atMs: 1_000 * lastSeq,
  events: bytesOf(`events ${firstSeq} to ${lastSeq}`),
});
const snapshot = (seq: number) => ({ seq, bytes: bytesOf(`state at ${seq}`) });
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
    expect(batches.map(({ events, ...rest }) => ({ ...rest, events: text(events) }))).toEqual([
      { firstSeq: 1, lastSeq: 3, atMs: 3_000, events: "events 1 to 3" },
      { firstSeq: 4, lastSeq: 4, atMs: 4_000, events: "events 4 to 4" },
    ]);
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
      await first.saveSnapshot(snapshot(2));
      await first.saveSnapshot(snapshot(4));
      await first.append(batch(7, 7));
    });
    expect(journal.recovered.snapshot?.seq).toBe(4);
    expect(text(journal.recovered.snapshot?.bytes)).toBe("state at 4");
    expect(firstSeqs(journal)).toEqual([3, 7]);
    await journal.close();
  });

  test("a read model gets every batch after where it stands, and the core what it needs", async () => {
    const journal = await reopened(async (first) => {
      for (const each of [batch(1, 2), batch(3, 6), batch(7, 7)]) await first.append(each);
      await first.saveSnapshot(snapshot(6));
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
        (journal) => journal.saveSnapshot(snapshot(3)),
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
