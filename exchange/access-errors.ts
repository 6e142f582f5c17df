/** Refusals of who may not in, or is not believed: keys, signatures, nonces, and POSTs that come again. */
import { type ErrorEntry, entry } from "./error-entry.ts";

export type AccessRefusal =
  | "missing-authentication"
  | "invalid-api-key"
  | "invalid-signature"
  | "expired-timestamp"
  | "unknown-signature-version"
  | "invalid-nonce"
  | "nonce-reused"
  | "idempotency-key-invalid"
  | "idempotency-key-reused"
  | "idempotency-key-busy"
  | "invalid-public-key"
  | "operator-token-invalid";

export const ACCESS_ERRORS = {
  "missing-authentication": entry(
    401,
    "AUTH_FAILED",
    "No credentials were sent; expected an API key (`Authorization: Bearer gs_…`) or the signature headers of the trading API.",
    { openai: { code: "invalid_api_key" } },
  ),
  "invalid-api-key": entry(
    401,
    "INVALID_API_KEY",
    "The API key is not known here; check it, or ask the exchange's operator for one.",
  ),
  "invalid-signature": entry(
    401,
    "INVALID_SIGNATURE",
    "The signature is not the key's over timestamp + METHOD + path + body.",
  ),
  "expired-timestamp": entry(
    401,
    "EXPIRED_TIMESTAMP",
    "The timestamp is more than 30 seconds from the server's time.",
  ),
  "unknown-signature-version": entry(
    400,
    "UNKNOWN_SIGNATURE_VERSION",
    "Requests are signed as version 1 or 2.",
  ),
  "invalid-nonce": entry(
    400,
    "INVALID_NONCE",
    "A nonce has 16 to 64 letters, digits, hyphens and underscores.",
  ),
  "nonce-reused": entry(
    401,
    "NONCE_REUSED",
    "A request with this nonce came before; nothing was executed.",
  ),
  "idempotency-key-invalid": entry(
    400,
    "INVALID_IDEMPOTENCY_KEY",
    "An Idempotency-Key has 1 to 64 letters, digits, dots, colons, hyphens and underscores.",
  ),
  "idempotency-key-reused": entry(
    409,
    "IDEMPOTENCY_KEY_REUSED",
    "The Idempotency-Key belongs to another request of the last 24 hours.",
  ),
  "idempotency-key-busy": entry(
    409,
    "IDEMPOTENCY_KEY_BUSY",
    "The first request with this Idempotency-Key is being executed.",
    { retryAfterSeconds: 1 },
  ),
  "invalid-public-key": entry(
    422,
    "INVALID_PUBLIC_KEY",
    "The public key is not a sound Ed25519 key.",
  ),
  "operator-token-invalid": entry(
    401,
    "OPERATOR_TOKEN_INVALID",
    "Send `Authorization: Bearer` with the token from operator.token in the data directory.",
  ),
} as const satisfies Record<AccessRefusal, ErrorEntry>;
