/**
 * Why attempts fail, and whose doing it is. Every cause that a delivery ends with stands here; one that
 * does not is the supplier's, and a test finds it in the source.
 */

import { AWAY, PAUSED, REFUSED } from "#exchange/core/sla/verdict.ts";

export interface Cause {
  verdict: "failed" | "excused";
  /** How the backend or its link broke under the request; two alike make it a poison request. */
  crash: "error" | "cut" | null;
  /** It was sent nothing: says nothing of how it serves. */
  isUnsent: boolean;
  /** Excused, and others' serving is paid by it all the same. */
  isCharged: boolean;
  words: string;
}

const PLAIN = { crash: null, isUnsent: false, isCharged: false } as const;
const failed = (words: string): Cause => ({ ...PLAIN, verdict: "failed", isCharged: true, words });
const crash = (kind: "error" | "cut", words: string): Cause => ({ ...failed(words), crash: kind });
const excused = (words: string): Cause => ({ ...PLAIN, verdict: "excused", words });
/** Covered from the start. */
const unsent = (cause: Cause): Cause => ({ ...cause, isUnsent: true });

const CAUSES: ReadonlyMap<string, Cause> = new Map(
  Object.entries({
    "no-accept": failed("the node did not accept the delivery in time"),
    timeout: failed("the supplier sent nothing for too long"),
    "time-limit": failed("no output within the time of a delivery"),
    "no-node": failed("no node of the supplier was linked"),
    [AWAY]: unsent(failed("no link of the supplier was up")),
    [PAUSED]: unsent(
      failed("after failures in a row, nothing was sent to the supplier for a while"),
    ),
    "supplier-idle": unsent(failed("no node of the supplier served the instrument")),
    "supplier-drained": unsent({
      ...excused("the supplier had announced its absence"),
      isCharged: true,
    }),
    "exchange-resuming": unsent(
      excused("the exchange had restarted, and the supplier had no time to link again"),
    ),
    cancelled: failed("the node gave the delivery up"),
    "slot-refused": failed("the node refused though it had a free slot"),
    "duplicate-attempt": failed("the node had accepted this attempt before"),
    "bad-request": failed("the node could not read what the exchange had checked"),
    "backend-refused": failed("the backend refused a request that was in order"),
    "too-slow": failed("the output came at a tenth of the promised speed or less"),
    // Said by one supplier of a request that another answered; where nobody did, nobody is blamed.
    "refused-alone": failed("the backend refused what another supplier answered"),
    "empty-alone": failed("the answer was empty where another supplier's was not"),
    malformed: failed("what came has not the form of an answer"),
    protocol: failed("the records of the link contradicted each other"),
    "link-lost": crash("cut", "the link was lost in the middle"),
    "backend-unreachable": failed("the backend could not be reached"),
    "backend-failed": crash("error", "the backend failed"),
    "backend-stream-broken": crash("cut", "the backend's stream broke"),
    truncated: crash("cut", "the answer ended without a reason to end"),
    // Demand beyond a supplier's slots is served as well as it can be and is nobody's failure.
    busy: excused("more was asked for at once than the supplier has slots"),
    "poison-request": excused("the request breaks every supplier"),
    "exchange-slow": excused("the exchange itself was slow"),
    "request-deadline": excused("the request's time ended before the attempt's own"),
    "exchange-restarted": excused("the exchange restarted"),
    "service-stopping": excused("the exchange was stopping"),
    "reservation-timeout": excused("the reservation ran out"),
    "client-gone": excused("the client left"),
    "client-stalled": excused("the client stopped reading"),
    "reservation-used": excused("the reservation was used up"),
    "refused-twice": excused("two suppliers refused the request as the buyer's mistake"),
    [REFUSED]: excused("the supplier's backend refused the request as the buyer's mistake"),
    "empty-answer": excused("the answer was empty"),
    done: excused("the delivery had ended"),
  }),
);

const UNKNOWN = failed("a cause that has no entry of its own");

/** What a cause means; one without an entry is the supplier's failure. */
export function causeOf(cause: string): Cause {
  return CAUSES.get(cause) ?? UNKNOWN;
}

/** Failed only where another supplier answered the same request. */
export function isSaidAlone(cause: string): boolean {
  return cause === "refused-alone" || cause === "empty-alone";
}

/** The client ended the delivery, and pays for what went out. */
export function isClientsDoing(cause: string): boolean {
  return cause === "client-gone" || cause === "client-stalled";
}

export function isKnownCause(cause: string): boolean {
  return CAUSES.has(cause);
}
