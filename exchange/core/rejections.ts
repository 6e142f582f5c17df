/**
 * Why the core refuses a command. A refusal changes nothing, emits no event and may be sent again.
 * What each name means over HTTP stands in `exchange/errors.ts`.
 */
export const REJECTION_CODES = [
  "account-not-found",
  "instrument-not-found",
  "order-not-found",
  "node-not-found",
  "delivery-not-found",
  "order-not-cancellable",
  "order-already-cancelled",
  "invalid-quantity",
  "invalid-price",
  "invalid-order",
  "invalid-amount",
  "invalid-name",
  "insufficient-balance",
  "insufficient-units",
  "insufficient-bond",
  "capacity-exceeded",
  "client-order-id-reused",
  "client-ids-exhausted",
  "reference-reused",
  "withdrawal-not-found",
  "auto-mode-trading-restricted",
  "mode-managed-setting",
  "price-above-ceiling",
  "spend-cap-reached",
  "market-closed",
  "key-exists",
  "key-not-found",
  "join-token-invalid",
  "node-key-exists",
  "node-not-connected",
  "supplier-paused",
  "supplier-suspended",
  "no-supplier",
  "delivery-halted",
  "draw-rate-exceeded",
  "no-units",
  "payment-required",
  "delivery-closed",
  "poison-request",
  "too-many-open-orders",
  "too-many-deliveries",
  "self-trade",
  "quote-group-tripped",
] as const;

export type RejectionCode = (typeof REJECTION_CODES)[number];

/** One refusal: a stable name, a sentence for this case, and figures where they help. */
export interface Rejection {
  code: RejectionCode;
  message: string;
  details?: Record<string, string | number>;
}

/** Builds a refusal. */
export function reject(
  code: RejectionCode,
  message: string,
  details?: Record<string, string | number>,
): { ok: false; rejection: Rejection } {
  return { ok: false, rejection: details ? { code, message, details } : { code, message } };
}
