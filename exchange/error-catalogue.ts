/**
 * Every refusal there is, in one table: its stable code, its status on the trading API, and what the
 * OpenAI SDKs are told. `docs/errors.md` is the same table for readers; a test holds the two together.
 */
import type { RejectionCode } from "#exchange/core/rejections.ts";
import { ACCESS_ERRORS, type AccessRefusal } from "./access-errors.ts";
import { type ErrorEntry, entry } from "./error-entry.ts";

export type { ErrorEntry } from "./error-entry.ts";

/** Refusals that the edges decide, before or beside the core. */
type EdgeRefusal =
  | AccessRefusal
  | "overloaded"
  | "trading-stopped"
  | "backup-running"
  | "backup-failed"
  | "validation-error"
  | "malformed-json"
  | "unsupported-media-type"
  | "body-too-large"
  | "not-found"
  | "market-not-found"
  | "trade-not-found"
  | "lot-not-found"
  | "method-not-allowed"
  | "rate-limit-exceeded"
  | "context-length-exceeded"
  | "backend-refused"
  | "supplier-failed"
  | "service-stopping"
  | "internal-error";

export type Refusal = RejectionCode | EdgeRefusal;

const QUOTA = "insufficient_quota";
const RATE_LIMIT = { type: "rate_limit_error", code: "rate_limit_exceeded" };

export const ERRORS = {
  "account-not-found": entry(404, "ACCOUNT_NOT_FOUND", "No such account."),
  "instrument-not-found": entry(
    404,
    "INSTRUMENT_NOT_FOUND",
    "No such instrument; GET /v1/instruments lists them.",
    { openai: { code: "model_not_found" } },
  ),
  "order-not-found": entry(404, "ORDER_NOT_FOUND", "This account has no such order."),
  "node-not-found": entry(404, "NODE_NOT_FOUND", "No such node."),
  "delivery-not-found": entry(404, "DELIVERY_NOT_FOUND", "No such delivery is open."),
  "order-not-cancellable": entry(409, "ORDER_NOT_CANCELLABLE", "The order is filled already."),
  "order-already-cancelled": entry(
    409,
    "ORDER_ALREADY_CANCELLED",
    "The order was cancelled before.",
    { detail: "order_already_cancelled" },
  ),
  "invalid-quantity": entry(400, "INVALID_QUANTITY", "The quantity cannot be traded."),
  "invalid-price": entry(400, "INVALID_PRICE", "The price is out of range or between two ticks."),
  "invalid-order": entry(400, "INVALID_ORDER", "The fields of the order contradict each other."),
  "invalid-amount": entry(400, "INVALID_AMOUNT", "The amount cannot be booked."),
  "invalid-name": entry(400, "INVALID_NAME", "The name is too long or empty."),
  "insufficient-balance": entry(
    422,
    "INSUFFICIENT_BALANCE",
    "The money available does not cover it.",
    { openai: { status: 402, type: QUOTA, code: "insufficient_balance" } },
  ),
  "insufficient-units": entry(422, "INSUFFICIENT_UNITS", "Not enough Units are free."),
  "insufficient-bond": entry(422, "INSUFFICIENT_BOND", "Not enough bond is free for the margin."),
  "capacity-exceeded": entry(
    422,
    "CAPACITY_EXCEEDED",
    "More than the measured capacity of the linked nodes allows.",
  ),
  "client-order-id-reused": entry(
    409,
    "DUPLICATE_CLIENT_ORDER_ID",
    "The client_order_id belongs to another order of the last 24 hours.",
  ),
  "client-ids-exhausted": entry(
    429,
    "CLIENT_IDS_EXHAUSTED",
    "Too many client order ids were used in the last 24 hours; leave the id out.",
    { retryAfterSeconds: 3600 },
  ),
  "reference-reused": entry(
    409,
    "REFERENCE_REUSED",
    "The reference belongs to another deposit; it is remembered for 90 days, or what the policy says.",
  ),
  "withdrawal-not-found": entry(404, "WITHDRAWAL_NOT_FOUND", "No such withdrawal is open."),
  "mode-managed-setting": entry(
    403,
    "MODE_MANAGED_SETTING",
    "The account's mode decides this setting.",
    { detail: "mode_managed_setting" },
  ),
  "price-above-ceiling": entry(
    402,
    "PRICE_ABOVE_CEILING",
    "What is offered costs more than the account's price ceiling.",
    { openai: { type: QUOTA, code: "price_above_ceiling" } },
  ),
  "spend-cap-reached": entry(
    402,
    "SPEND_CAP_REACHED",
    "The account's spend cap does not leave enough for this request.",
    { openai: { type: QUOTA, code: "spend_cap_reached" } },
  ),
  "auto-mode-trading-restricted": entry(
    403,
    "AUTO_MODE_TRADING_RESTRICTED",
    "The account is in Auto Mode, which buys by itself.",
    { detail: "auto_mode_trading_restricted" },
  ),
  "market-closed": entry(409, "MARKET_CLOSED", "The market takes no orders now."),
  "key-exists": entry(422, "DUPLICATE_KEY", "The key is registered already."),
  "key-not-found": entry(404, "KEY_NOT_FOUND", "The account has no such key.", {
    // Here it is the key of the request, revoked since it was read.
    openai: { status: 401, code: "invalid_api_key" },
  }),
  "join-token-invalid": entry(
    403,
    "JOIN_TOKEN_INVALID",
    "The join token is unknown, used up or expired.",
  ),
  "node-key-exists": entry(409, "NODE_KEY_EXISTS", "A node with this key is enrolled already."),
  "node-not-connected": entry(409, "NODE_NOT_CONNECTED", "The node has no link."),
  "supplier-paused": entry(
    409,
    "SUPPLIER_PAUSED",
    "Deliveries failed one after another; asks are taken again in a while.",
  ),
  "supplier-suspended": entry(
    403,
    "SUPPLIER_SUSPENDED",
    "The supplier is suspended from selling; Lots that it owes are still served.",
  ),
  "no-supplier": entry(503, "NO_SUPPLIER", "No supplier can serve this now.", {
    openai: { type: "no_capacity", code: "no_capacity" },
    retryAfterSeconds: 2,
  }),
  "delivery-halted": entry(503, "DELIVERY_HALTED", "Delivery of the instrument is halted.", {
    openai: { type: "no_capacity", code: "delivery_halted" },
    retryAfterSeconds: 60,
  }),
  "draw-rate-exceeded": entry(
    429,
    "DRAW_RATE_EXCEEDED",
    "The Lots of this account give no more at once.",
    { openai: RATE_LIMIT, retryAfterSeconds: 1 },
  ),
  "no-units": entry(402, "NO_UNITS", "The account holds no Units for this request.", {
    openai: { type: QUOTA, code: "insufficient_units" },
  }),
  "payment-required": entry(
    402,
    "PAYMENT_REQUIRED",
    "The money available does not cover this request.",
    { openai: { type: QUOTA, code: "insufficient_balance" } },
  ),
  "delivery-closed": entry(409, "DELIVERY_CLOSED", "The attempt is over."),
  "too-many-open-orders": entry(
    429,
    "TOO_MANY_OPEN_ORDERS",
    "Too many orders are open; cancel some.",
  ),
  "too-many-deliveries": entry(429, "TOO_MANY_REQUESTS", "Too many requests are open.", {
    openai: RATE_LIMIT,
    retryAfterSeconds: 1,
  }),
  "self-trade": entry(409, "SELF_TRADE", "The order would meet one of your own."),
  "quote-group-tripped": entry(
    409,
    "QUOTE_GROUP_TRIPPED",
    "The quote group reached its fill limit; set it again to go on.",
  ),
  overloaded: entry(503, "OVERLOADED", "Too much is waiting; nothing was executed.", {
    openai: { type: "server_error", code: "overloaded" },
    retryAfterSeconds: 1,
  }),
  "trading-stopped": entry(
    503,
    "TRADING_STOPPED",
    "The exchange found its own books in disorder and executes nothing until its operator has looked; reads go on.",
    { openai: { type: "server_error", code: "trading_stopped" } },
  ),
  ...ACCESS_ERRORS,
  "backup-running": entry(409, "BACKUP_RUNNING", "Another backup is being made.", {
    retryAfterSeconds: 60,
  }),
  "backup-failed": entry(422, "BACKUP_FAILED", "No backup was made; the exchange goes on."),
  "validation-error": entry(
    422,
    "VALIDATION_ERROR",
    "The request does not have the expected form.",
    { openai: { status: 400, code: "invalid_value" } },
  ),
  "malformed-json": entry(400, "MALFORMED_JSON", "The body is not JSON."),
  "unsupported-media-type": entry(
    415,
    "UNSUPPORTED_MEDIA_TYPE",
    "Send the body as `content-type: application/json`.",
  ),
  "body-too-large": entry(413, "BODY_TOO_LARGE", "The body is larger than this path takes."),
  "not-found": entry(404, "NOT_FOUND", "Nothing is here."),
  "market-not-found": entry(404, "MARKET_NOT_FOUND", "No such market; GET /v1/markets lists them."),
  "trade-not-found": entry(404, "TRADE_NOT_FOUND", "This account has no such trade."),
  "lot-not-found": entry(404, "LOT_NOT_FOUND", "This account has no such Lot."),
  "method-not-allowed": entry(405, "METHOD_NOT_ALLOWED", "The path does not take this method."),
  "rate-limit-exceeded": entry(429, "RATE_LIMIT_EXCEEDED", "Too many requests; slow down.", {
    openai: RATE_LIMIT,
    retryAfterSeconds: 1,
  }),
  "context-length-exceeded": entry(
    400,
    "CONTEXT_LENGTH_EXCEEDED",
    "The request is longer than the instrument's context.",
  ),
  "backend-refused": entry(
    400,
    "BACKEND_REFUSED",
    "The supplier's server refused the request; nothing was billed.",
  ),
  "supplier-failed": entry(503, "SUPPLIER_FAILED", "The delivery failed; nothing was billed.", {
    openai: { type: "supplier_failed", code: "supplier_failed" },
    retryAfterSeconds: 1,
  }),
  "poison-request": entry(
    502,
    "REQUEST_FAILS_ON_EVERY_SUPPLIER",
    "Two suppliers failed alike on this request; nothing was billed. Change the request.",
    { openai: { type: "invalid_request_error", code: "request_fails_on_every_supplier" } },
  ),
  "service-stopping": entry(503, "SERVICE_STOPPING", "The exchange is stopping.", {
    openai: { type: "server_error", code: "service_stopping" },
    retryAfterSeconds: 5,
  }),
  "internal-error": entry(500, "INTERNAL_ERROR", "Something broke here; nothing was billed.", {
    openai: { type: "server_error", code: "internal_error" },
  }),
} as const satisfies Record<Refusal, ErrorEntry>;
