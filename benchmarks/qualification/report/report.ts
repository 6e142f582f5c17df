/** The report of one examination: everything a third party needs to judge it again. */
import type { Finding, Verdict } from "#benchmarks/qualification/gates/finding.ts";
import type { ExaminationSize } from "#benchmarks/qualification/gates/gate.ts";
import type { ProbeRecord } from "#benchmarks/qualification/probe/probe-record.ts";

export const REPORT_FORMAT = "gridspot-qualification-1";

/** How fit this machine was to judge, over the run. */
export interface ClientHealth {
  isFit: boolean;
  eventLoopP99Ms: number;
  sendLagP99Ms: number | null;
  gcShare: number;
  /** Error of the first token against a loopback stub of known schedule, at the planned concurrency. */
  calibrationErrorMs: number;
  problems: string[];
}

/** How one instrument came out. */
export interface InstrumentOutcome {
  symbol: string;
  version: number;
  verdict: Verdict;
  /** Judged gates that did not pass, worst first. */
  misses: { gate: string; gap: string; remedy: string | null }[];
}

export interface QualificationReport {
  format: typeof REPORT_FORMAT;
  suiteVersion: string;
  /** Who measured: a bench by anyone, the agent, or the exchange through the link. */
  by: "bench" | "agent" | "exchange";
  startedAt: string;
  durationMs: number;
  size: ExaminationSize;
  target: { name: string; model: string; backend: string | null; backendVersion: string | null };
  /** Seed of every prompt; committed before, revealed here. */
  seed: string;
  seedCommitment: string | null;
  instrument: string;
  verdict: Verdict;
  findings: Finding[];
  /** Every listed instrument, judged on the same rows. */
  instruments: InstrumentOutcome[];
  client: ClientHealth;
  /** First answer of all, before the server was warm: shown, not judged. */
  coldFirstTokenMs: number | null;
  /** Tokens per four-hour window that survived the confirmation; null where not measured. */
  capacityTokensPerWindow: number | null;
  /** Requests at the same time that survived it. */
  capacityConcurrency: number | null;
  records: ProbeRecord[];
}
