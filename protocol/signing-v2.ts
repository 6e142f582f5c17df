/**
 * The second request signature: what v1 signs, and also the host, the query and a nonce, so that a
 * request cannot be aimed elsewhere, changed in its query, or sent twice. `docs/api.md` is the text for
 * client authors; `protocol/signing-vectors.json` has examples to test a client with.
 */
import { createHash } from "node:crypto";

/** Value of the version header; without the header a request is signed as v1. */
export const SIGNATURE_VERSION_2 = "2";
export const SIGNATURE_VERSION_HEADER = "x-gridspot-signature-version";
export const NONCE_HEADER = "x-gridspot-nonce";
/** First line of what is signed: a signature made for one purpose is good for no other. */
export const SIGNING_DOMAIN_V2 = "GRIDSPOT-2-REQUEST";
/** Random and never used twice with one key; 16 characters are 96 bits in base64url. */
export const NONCE = /^[A-Za-z0-9_-]{16,64}$/;

/** A request, as its bytes are on the wire. */
export interface RequestParts {
  /** As in the `host` header, with the port if there is one. */
  host: string;
  /** Unix seconds, a decimal string. */
  timestampSeconds: string;
  nonce: string;
  method: string;
  /** Path of the request line, version prefix included, nothing decoded. */
  path: string;
  /** What follows "?" on the request line, nothing decoded or sorted; "" without one. */
  query: string;
  /** The exact body; "" if none. */
  body: string | Uint8Array;
}

/** Lower-case hex SHA-256 of the exact body; of nothing, if there is none. */
export function bodyDigest(body: string | Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** The text that a v2 request signs: eight lines, joined by "\n", none after the last. */
export function signedRequestTextV2(parts: RequestParts): string {
  return [
    SIGNING_DOMAIN_V2,
    parts.host.toLowerCase(),
    parts.timestampSeconds,
    parts.nonce,
    parts.method.toUpperCase(),
    parts.path,
    parts.query,
    bodyDigest(parts.body),
  ].join("\n");
}
