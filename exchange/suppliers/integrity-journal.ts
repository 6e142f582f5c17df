/** Writes breaches of integrity into the journal: the first of a kind, then what a minute brings as one. */
import type { Clock } from "#exchange/clock.ts";
import type { Shell } from "#exchange/shell.ts";
import type { IntegrityEvent, OnIntegrity } from "./integrity.ts";

/** A node that floods must not flood the journal as well. */
const INTERVAL_MS = 60_000;
/** Nodes and kinds that are remembered; past that all are told anew. */
const KEPT_MAX = 10_000;

export function journalIntegrity({ shell, clock }: { shell: Shell; clock: Clock }): OnIntegrity {
  /** By node and kind: when it was written last, and how many came since. */
  const told = new Map<string, { atMs: number; since: number }>();

  return ({ account, node, kind, detail }: IntegrityEvent) => {
    const key = `${node}:${kind}`;
    const last = told.get(key);
    const nowMs = clock.monotonicMs();
    if (last !== undefined && nowMs - last.atMs < INTERVAL_MS) {
      last.since += 1;
      return;
    }
    if (told.size >= KEPT_MAX) told.clear();
    told.set(key, { atMs: nowMs, since: 0 });
    const more = last === undefined || last.since === 0 ? "" : `; ${last.since} more before`;
    shell.submit({ type: "record-integrity", account, node, kind, detail: `${detail}${more}` });
  };
}
