/**
 * The rule that nothing leaves before it is durable, held against a trace of the real process: the
 * event is written to the journal's log, a sync of that log begins and ends, and only then does the
 * answer's first byte go to the socket.
 */
import type { SystemCall } from "./system-call-trace.ts";

/** An answer that a client got, and what must have been durable by then. */
export interface Acknowledgement {
  what: string;
  /** All of these stand in one write to a socket: the answer. */
  answer: readonly string[];
  /** Each of these stands in the event, and in nothing older. One is enough: a page may end within another. */
  event: readonly string[];
}

const JOURNAL_LOG = /\/journal\.db-wal$/;
const SYNCS = ["fsync", "fdatasync"];

/** Sentences for the acknowledgements that left too early, or cannot be found; none is as it should be. */
export function earlyAnswers(
  calls: readonly SystemCall[],
  acknowledgements: readonly Acknowledgement[],
): string[] {
  const toSockets = calls.filter(({ file, data }) => file.startsWith("TCP:") && data !== "");
  const toLog = calls.filter(({ file, data }) => JOURNAL_LOG.test(file) && data !== "");
  const syncs = calls.filter(
    ({ name, file, result }) => SYNCS.includes(name) && JOURNAL_LOG.test(file) && result === 0,
  );
  return acknowledgements.flatMap(({ what, answer, event }) => {
    const told = toSockets.find(
      ({ data, result }) => result !== -1 && answer.every((piece) => data.includes(piece)),
    );
    if (told === undefined) return [`${what}: no write to a socket has its answer`];
    const at = `line ${told.beganAt + 1}`;
    // The first: a page is written again with every batch that follows on it.
    const write = toLog.find(({ data }) => event.some((piece) => data.includes(piece)));
    if (write === undefined) return [`${what}: answered at ${at}, its event was never written`];
    const { beganAt, endedAt } = write;
    if (endedAt === null || endedAt > told.beganAt) {
      return [`${what}: answered at ${at}, its event was written at line ${beganAt + 1}`];
    }
    const isSynced = syncs.some(
      (sync) => sync.beganAt > endedAt && sync.endedAt !== null && sync.endedAt < told.beganAt,
    );
    return isSynced
      ? []
      : [`${what}: answered at ${at}, no sync since its event of line ${beganAt + 1} had ended`];
  });
}
