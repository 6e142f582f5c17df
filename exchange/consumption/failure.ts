/** Whose mistake a backend's refusal is. */
import type { AttemptError } from "./delivery-port.ts";

/** A backend's refusals that are the buyer's own mistake; any other is the supplier's. */
const BUYER_STATUSES: readonly (number | null)[] = [400, 413, 422];
/** How backends say that a request is longer than they can take. */
const TOO_LONG =
  /context|too (long|large|many tokens)|max(imum)?[ _-](model[ _-])?(len|length|tokens)/i;

/**
 * True for what another supplier would refuse as well. The exchange has checked the size against the
 * instrument before: a backend that cannot take it does not keep what its instrument promises.
 */
export function isBuyersMistake({ code, status, message }: AttemptError): boolean {
  return code === "backend-refused" && BUYER_STATUSES.includes(status) && !TOO_LONG.test(message);
}
