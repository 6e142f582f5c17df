/** What is measured, as the load generator sees it. */
import type { TargetName } from "#benchmarks/performance/gateway/options.ts";

export interface Target {
  name: TargetName;
  port: number;
  model: string;
  /** Beside those of any request. */
  headers: Record<string, string>;
  /** A file with API keys, one a line, which requests take in turn. */
  keysFile: string | null;
  /** By name; the gateway itself is called `gateway`. */
  processes: Record<string, number>;
  close(): Promise<void>;
}

/** A target that cannot run here, and what would help. */
export class TargetMissing extends Error {}

export interface TargetContext {
  stubPort: number;
  /** A folder of this target's own, which is removed at the end. */
  dir: string;
  /** Where processes of ours write CPU profiles; null makes none. */
  profileDir: string | null;
}
