/** The suite that every journal passes: what was appended comes back, in order, after reopening. */
import { expect, test } from "vitest";
import { type Journal, JournalError } from "./journal.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const batch = (firstSeq: number, lastSeq: number) => ({
  firstSeq,
  lastSeq,
  events: new TextEncoder().encode(`events ${firstSeq} to ${lastSeq}`),
});

/** `open` opens the same place each time. */
export function journalCases(open: () => Promise<Journal>): void {
  test("an empty journal recovers nothing", async () => {
    const journal = await open();
    expect(journal.recovered.snapshot).toBeNull();
    expect([...journal.recovered.batches]).toEqual([]);
    await journal.close();
  });

  test("appended batches come back in order after reopening", async () => {
    const journal = await open();
    await journal.append(batch(1, 3));
    await journal.append(batch(4, 4));
    await journal.close();
    const again = await open();
    expect([...again.recovered.batches].map((row) => text(row.events))).toEqual([
      "events 1 to 3",
      "events 4 to 4",
    ]);
    await again.append(batch(5, 6));
    await again.close();
  });

  test("a batch that does not follow the last one is refused", async () => {
    const journal = await open();
    await journal.append(batch(1, 2));
    await expect(journal.append(batch(4, 5))).rejects.toThrow(JournalError);
    await journal.close();
  });

  test("recovery starts at the newest snapshot", async () => {
    const journal = await open();
    await journal.append(batch(1, 2));
    await journal.saveSnapshot({ seq: 2, bytes: new TextEncoder().encode("state at 2") });
    await journal.append(batch(3, 3));
    await journal.close();
    const again = await open();
    expect(again.recovered.snapshot?.seq).toBe(2);
    expect(text(again.recovered.snapshot?.bytes ?? new Uint8Array())).toBe("state at 2");
    expect([...again.recovered.batches].map((row) => row.firstSeq)).toEqual([3]);
    await again.close();
  });
}
