/**
 * Which attempts this node has accepted: each at most once, also after a restart. A file of one id per
 * line, appended to before the attempt is accepted; at twice its size it is written anew with the
 * newest half.
 *
 * An append is not synced. It survives the end of the process, however it ended, because the system
 * has it; what a power cut takes is the last seconds, and the exchange gives an attempt up five
 * seconds after its link is lost, before a machine is up again. A sync would cost each request more
 * than the whole way through the exchange.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** Attempts that are remembered; an exchange has far fewer under way at a time. */
export const ACCEPTED_ATTEMPTS_MAX = 10_000;
/** As the link has it: others do not come. */
const ATTEMPT_ID = /^[A-Za-z0-9._:-]{1,80}$/;

export interface AcceptedAttempts {
  /** Remembers the attempt; false when it was accepted before. Throws when it cannot be remembered. */
  claim(attemptId: string): boolean;
  close(): void;
}

/** Remembers in memory alone. */
export function forgetfulAttempts(idsMax: number = ACCEPTED_ATTEMPTS_MAX): AcceptedAttempts {
  const ids = new Set<string>();
  return { claim: (attemptId) => remember(ids, attemptId, idsMax), close() {} };
}

/** Opens the memory of a data directory, or begins it. A line that a crash cut short counts for nothing. */
export function openAcceptedAttempts(
  dataDir: string,
  idsMax: number = ACCEPTED_ATTEMPTS_MAX,
): AcceptedAttempts {
  const path = join(dataDir, "accepted-attempts.log");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const ids = new Set<string>();
  for (const line of linesOf(path)) remember(ids, line, idsMax);
  let file = rewritten();
  let lines = ids.size;

  function rewritten(): number {
    writeFileSync(`${path}.new`, [...ids].map((id) => `${id}\n`).join(""), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return openSync(path, "a", 0o600);
  }

  return {
    claim(attemptId) {
      if (ids.has(attemptId)) return false;
      writeSync(file, `${attemptId}\n`);
      remember(ids, attemptId, idsMax);
      lines += 1;
      if (lines > 2 * idsMax) {
        closeSync(file);
        file = rewritten();
        lines = ids.size;
      }
      return true;
    },
    close: () => closeSync(file),
  };
}

/** Whole lines only: what follows the last line break was cut short. */
function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.filter((line) => ATTEMPT_ID.test(line));
}

/** Adds an id and forgets the oldest beyond the limit; false when it was there. */
function remember(ids: Set<string>, id: string, idsMax: number): boolean {
  if (ids.has(id)) return false;
  ids.add(id);
  if (ids.size > idsMax) {
    for (const oldest of ids) {
      ids.delete(oldest);
      break;
    }
  }
  return true;
}
