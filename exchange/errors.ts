/**
 * Every refusal there is, in one table: its stable code, its status on the trading API, and what the
 * OpenAI SDKs are told. `docs/errors.md` is held against it by a test.
 */
import type { RejectionCode } from "#exchange/core/rejections.ts";

type EdgeRefusal =
  | "overloaded"
  | "missing-authentication"
  | "invalid-api-key"
  | "invalid-signature"
  | "expired-timestamp"
  | "invalid-public-key"
  | "operator-token-invalid"
  | "validation-error"
  | "malformed-json"
  | "body-too-large"
  | "not-found"
  | "method-not-allowed"
  | "rate-limit-exceeded"
  | "context-length-exceeded"
  | "backend-refused"
  | "supplier-failed"
  | "service-stopping"
  | "internal-error";

export type Refusal = RejectionCode | EdgeRefusal;

interface Entry {
  code: string;
  status: number;
  /** Published word in `errors.detail`, where The Grid has one. */
  detail?: string;
  /** Status, type and code for the OpenAI shape; the status above where it is the same. */
  openai?: { status?: number; type?: string; code: string };
  /** Whether sending the same again may work, and after how many seconds. */
  retryAfterSeconds?: number;
  message: string;
}

export const ERRORS = {
  "account-not-found": { code: "ACCOUNT_NOT_FOUND", status: 404, message: "No such account." },
  "instrument-not-found": {
    code: "INSTRUMENT_NOT_FOUND",
    status: 404,
    openai: { code: "model_not_found" },
    message: "No such instrument; GET /v1/models lists them.",
  },
  "order-not-found": { code: "ORDER_NOT_FOUND", status: 404, message: "No such order." },
  "node-not-found": { code: "NODE_NOT_FOUND", status: 404, message: "No such node." },
  "delivery-not-found": { code: "DELIVERY_NOT_FOUND", status: 404, message: "No open delivery." },
  "order-not-cancellable": {
    code: "ORDER_NOT_CANCELLABLE",
    status: 409,
    message: "The order is closed already.",
  },
  "order-already-cancelled": {
    code: "ORDER_ALREADY_CANCELLED",
    status: 409,
    detail: "order_already_cancelled",
    message: "The order was cancelled before.",
  },
  "invalid-quantity": { code: "INVALID_QUANTITY", status: 400, message: "Bad quantity." },
  "invalid-price": { code: "INVALID_PRICE", status: 400, message: "Bad price." },
  "invalid-order": { code: "INVALID_ORDER", status: 400, message: "The order makes no sense." },
  "invalid-amount": { code: "INVALID_AMOUNT", status: 400, message: "Bad amount." },
  "invalid-name": { code: "INVALID_NAME", status: 400, message: "Bad name." },
  "insufficient-balance": {
    code: "INSUFFICIENT_BALANCE",
    status: 422,
    openai: { status: 402, type: "insufficient_quota", code: "insufficient_balance" },
    message: "Not enough money.",
  },
  "insufficient-units": {
    code: "INSUFFICIENT_UNITS",
    status: 422,
    message: "Not enough Units.",
  },
  "insufficient-bond": { code: "INSUFFICIENT_BOND", status: 422, message: "Not enough bond." },
  "capacity-exceeded": {
    code: "CAPACITY_EXCEEDED",
    status: 422,
    message: "More than the measured capacity allows.",
  },
  "client-order-id-reused": {
    code: "DUPLICATE_CLIENT_ORDER_ID",
    status: 409,
    message: "The client_order_id belongs to another order.",
  },
  "client-ids-exhausted": {
    code: "CLIENT_IDS_EXHAUSTED",
    status: 429,
    retryAfterSeconds: 3600,
    message: "Too many client order ids in 24 h.",
  },
  "reference-reused": {
    code: "REFERENCE_REUSED",
    status: 409,
    message: "The reference belongs to another deposit.",
  },
  "auto-mode-trading-restricted": {
    code: "AUTO_MODE_TRADING_RESTRICTED",
    status: 403,
    detail: "auto_mode_trading_restricted",
    message: "The account is in Auto Mode.",
  },
  "market-closed": { code: "MARKET_CLOSED", status: 409, message: "The market is closed." },
  "key-exists": { code: "DUPLICATE_KEY", status: 409, message: "The key exists already." },
  "key-not-found": { code: "KEY_NOT_FOUND", status: 404, message: "No such key." },
  "join-token-invalid": {
    code: "JOIN_TOKEN_INVALID",
    status: 403,
    message: "The join token is unknown, used up or expired.",
  },
  "node-key-exists": { code: "NODE_KEY_EXISTS", status: 409, message: "The node is enrolled." },
  "node-not-connected": {
    code: "NODE_NOT_CONNECTED",
    status: 409,
    message: "The node is not linked.",
  },
  "no-supplier": {
    code: "NO_SUPPLIER",
    status: 503,
    openai: { type: "no_capacity", code: "no_capacity" },
    retryAfterSeconds: 2,
    message: "No supplier can serve this now.",
  },
  "no-units": {
    code: "NO_UNITS",
    status: 402,
    openai: { type: "insufficient_quota", code: "insufficient_units" },
    message: "No Units for this request.",
  },
  "payment-required": {
    code: "PAYMENT_REQUIRED",
    status: 402,
    openai: { type: "insufficient_quota", code: "insufficient_balance" },
    message: "Not enough money for this request.",
  },
  "delivery-closed": { code: "DELIVERY_CLOSED", status: 409, message: "The attempt is over." },
  "too-many-open-orders": {
    code: "TOO_MANY_OPEN_ORDERS",
    status: 429,
    message: "Too many open orders.",
  },
  "too-many-deliveries": {
    code: "TOO_MANY_REQUESTS",
    status: 429,
    openai: { type: "rate_limit_error", code: "rate_limit_exceeded" },
    retryAfterSeconds: 1,
    message: "Too many requests are open.",
  },
  "self-trade": { code: "SELF_TRADE", status: 409, message: "The order would meet your own." },
  overloaded: {
    code: "OVERLOADED",
    status: 503,
    openai: { type: "server_error", code: "overloaded" },
    retryAfterSeconds: 1,
    message: "Too much is waiting; nothing was executed.",
  },
  "missing-authentication": {
    code: "AUTH_FAILED",
    status: 401,
    openai: { code: "invalid_api_key" },
    message:
      "No credentials were sent; expected `Authorization: Bearer gs_…` or signature headers.",
  },
  "invalid-api-key": {
    code: "INVALID_API_KEY",
    status: 401,
    openai: { code: "invalid_api_key" },
    message: "The API key is not known here; check it, or ask the exchange's operator for one.",
  },
  "invalid-signature": {
    code: "INVALID_SIGNATURE",
    status: 401,
    message: "The signature is not the key's over timestamp + METHOD + path + body.",
  },
  "expired-timestamp": {
    code: "EXPIRED_TIMESTAMP",
    status: 401,
    message: "The timestamp is more than 30 seconds from the server's time.",
  },
  "invalid-public-key": {
    code: "INVALID_PUBLIC_KEY",
    status: 422,
    message: "The public key is refused.",
  },
  "operator-token-invalid": {
    code: "OPERATOR_TOKEN_INVALID",
    status: 401,
    message: "Send `Authorization: Bearer` with the token in operator.token of the data directory.",
  },
  "validation-error": {
    code: "VALIDATION_ERROR",
    status: 400,
    openai: { code: "invalid_value" },
    message: "The request does not have the expected form.",
  },
  "malformed-json": {
    code: "MALFORMED_JSON",
    status: 400,
    openai: { code: "malformed_json" },
    message: "The body is not JSON.",
  },
  "body-too-large": {
    code: "BODY_TOO_LARGE",
    status: 413,
    openai: { code: "body_too_large" },
    message: "The body is too large.",
  },
  "not-found": {
    code: "NOT_FOUND",
    status: 404,
    openai: { code: "not_found" },
    message: "Nothing is here.",
  },
  "method-not-allowed": {
    code: "METHOD_NOT_ALLOWED",
    status: 405,
    openai: { code: "method_not_allowed" },
    message: "The path does not take this method.",
  },
  "rate-limit-exceeded": {
    code: "RATE_LIMIT_EXCEEDED",
    status: 429,
    openai: { type: "rate_limit_error", code: "rate_limit_exceeded" },
    retryAfterSeconds: 1,
    message: "Too many requests.",
  },
  "context-length-exceeded": {
    code: "CONTEXT_LENGTH_EXCEEDED",
    status: 400,
    openai: { code: "context_length_exceeded" },
    message: "The request is longer than the instrument's context.",
  },
  "backend-refused": {
    code: "BACKEND_REFUSED",
    status: 400,
    openai: { code: "backend_refused" },
    message: "The supplier's server refused the request; nothing was billed.",
  },
  "supplier-failed": {
    code: "SUPPLIER_FAILED",
    status: 503,
    openai: { type: "supplier_failed", code: "supplier_failed" },
    retryAfterSeconds: 1,
    message: "The delivery failed; nothing was billed.",
  },
  "service-stopping": {
    code: "SERVICE_STOPPING",
    status: 503,
    openai: { type: "server_error", code: "service_stopping" },
    retryAfterSeconds: 5,
    message: "The exchange is stopping.",
  },
  "internal-error": {
    code: "INTERNAL_ERROR",
    status: 500,
    openai: { type: "server_error", code: "internal_error" },
    message: "Something broke here; nothing was billed.",
  },
} as const satisfies Record<Refusal, Entry>;

function entryOf(refusal: Refusal): Entry {
  return ERRORS[refusal];
}

export interface ErrorReply {
  status: number;
  headers: Record<string, string>;
  body: object;
}

function headersOf(entry: Entry): Record<string, string> {
  const after = entry.retryAfterSeconds;
  return after === undefined ? {} : { "retry-after": String(after) };
}

/** A refusal in the published envelope of the trading API: `{errors: {detail, code, message}}`. */
export function tradingError(refusal: Refusal, message?: string, details?: object): ErrorReply {
  const entry = entryOf(refusal);
  const text = message ?? entry.message;
  const errors = { detail: entry.detail ?? text, code: entry.code, message: text };
  return {
    status: entry.status,
    headers: headersOf(entry),
    body: { errors: details === undefined ? errors : { ...errors, details } },
  };
}

/** A refusal in OpenAI's shape: `{error: {message, type, param, code}}`. */
export function openaiError(
  refusal: Refusal,
  message?: string,
  param: string | null = null,
): ErrorReply {
  const entry = entryOf(refusal);
  return {
    status: entry.openai?.status ?? entry.status,
    headers: headersOf(entry),
    body: {
      error: {
        message: message ?? entry.message,
        type: entry.openai?.type ?? "invalid_request_error",
        param,
        code: entry.openai?.code ?? entry.code.toLowerCase(),
      },
    },
  };
}
