/**
 * A process that appends to the journal of a directory for ever and says on stdout what is durable,
 * one number a line: for tests that kill it or take its disk away. Arguments: directory, bytes.
 */
import { openSqliteJournal } from "./sqlite-journal.ts";

const [dataDir = "", batchBytes = "100"] = process.argv.slice(2);

/** Appends until it is refused, then says so. */
async function appendForEver(): Promise<void> {
  const journal = await openSqliteJournal(dataDir);
  const append = (seq: number) => {
    const events = Buffer.alloc(Number(batchBytes), "x");
    return journal.append({ firstSeq: seq, lastSeq: seq, atMs: 0, events });
  };
  let seq = journal.lastSeq;
  try {
    for (;;) {
      seq += 1;
      await append(seq);
      process.stdout.write(`${seq}\n`);
    }
  } catch (error) {
    process.stdout.write(`rejected: ${(error as Error).message}\n`);
  }
  await append(seq).catch((error: Error) => process.stdout.write(`again: ${error.message}\n`));
}

await appendForEver().catch((error: Error) => {
  process.stdout.write(`refused: ${error.message}\n`);
});
