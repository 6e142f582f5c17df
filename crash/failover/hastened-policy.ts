/**
 * The shipped policy with shorter times, for a run of minutes: everything else, every count, share and
 * limit, is as a supplier meets it. What takes half a minute takes a second, so that a supplier is back
 * from a pause within a fault, from a suspension within a phase, and is paid several times in a run.
 */
import type { SlaPolicy } from "#exchange/core/sla/policy.ts";

export const HASTENED_SLA: Partial<SlaPolicy> = {
  breakerOpenMs: 1_000,
  breakerOpenMsMax: 4_000,
  throttleWindowMs: 20_000,
  throttleStepMs: 2_000,
  suspensionMs: [2_000, 6_000, 12_000],
  windowMs: 60_000,
  holdbackMs: 90_000,
};
