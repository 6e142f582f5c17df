/** What the exchange's process and the harness tell each other, one JSON object a line. */

import type { SlaPolicy } from "#exchange/core/sla/policy.ts";

/** Where a process is; each is said as it begins. `ready` is the exchange's own log line. */
export type Word =
  | "loaded"
  | "opening"
  | "opened"
  | "replaying"
  | "resuming"
  | "ready"
  | "snapshot-storing"
  | "snapshot-stored";

export interface ProcessOptions {
  dataDir: string;
  port: number;
  eventsPerSnapshot: number;
  /** What differs from the shipped policy for suppliers. */
  sla: Partial<SlaPolicy>;
  /** Run the variant that acknowledges before the write, which the tests must notice. */
  acknowledgesEarly: boolean;
}

/** SIGKILL to itself, that many milliseconds after a word was said for the n-th time. */
export interface KillPoint {
  word: Word;
  times: number;
  afterMs: number;
}

export interface Go {
  killAt: KillPoint | null;
}
