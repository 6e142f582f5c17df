/** What every gate is given and gives back, and what a run tells while it runs. */
import type { Probed, ProbeRequest } from "#benchmarks/qualification/probe/probe-record.ts";
import type { Instrument } from "#protocol/instrument.ts";
import type { Finding, GateName } from "./finding.ts";

export type ExaminationSize = "quick" | "standard" | "certify";

/** What may differ between servers and is known before the gates run. */
export interface ServerFacts {
  model: string;
  /** Context and output that the supplier claims, in reference tokens; the instrument's where it claims none. */
  claimedContextTokens: number;
  claimedOutputTokens: number;
  /** Requests at the same time that the supplier sells. */
  slots: number;
  /** Reference tokens per character of our prompts as the server counts them; from calibration. */
  promptTokensPerCharacter: number;
  /** Server's prompt tokens for an empty conversation. */
  promptTokensBase: number;
  /** How this server can be made to go on writing; null: only by asking. */
  lengthForcing: "ignore_eos" | "min_tokens" | "logit_bias" | "prompt";
}

/** Means that a gate works with; everything that differs between two runs comes in here. */
export interface GateTools {
  instrument: Instrument;
  size: ExaminationSize;
  server: ServerFacts;
  /** Sends one request; resolves when its answer ended, however. */
  probe(
    request: Omit<ProbeRequest, "scheduledMs" | "concurrency"> & Partial<ProbeRequest>,
  ): Promise<Probed>;
  /** Seeded; never `Math.random`. In [0, 1). */
  random(): number;
  /** Fresh 16 bytes as hex, first characters of each judged prompt. */
  nonce(): string;
  monotonicMs(): number;
  wait(ms: number): Promise<void>;
  /** Aborted when the run is stopped. */
  signal: AbortSignal;
  /** Tells how far the gate is; replaces what it told before. */
  progress(finding: Finding): void;
}

/** Runs one gate to its verdict; rejects only for a bug or an abort. */
export interface Gate {
  name: GateName;
  run(tools: GateTools): Promise<Finding[]>;
}
