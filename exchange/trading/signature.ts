/** The signature headers of a request: what they say, in which version, and what text they sign. */
import type { FastifyRequest } from "fastify";
import { Refused } from "#exchange/http.ts";
import { signedRequestText } from "#protocol/signing.ts";
import {
  NONCE,
  NONCE_HEADER,
  type RequestParts,
  SIGNATURE_VERSION_2,
  SIGNATURE_VERSION_HEADER,
  signedRequestTextV2,
} from "#protocol/signing-v2.ts";

/** A timestamp may be this far from our time, either way. */
export const TIMESTAMP_SECONDS_MAX = 30;
/** A v2 timestamp may be this far ahead: what is ahead outlives a restart, which forgets nonces. */
export const AHEAD_SECONDS_MAX_V2 = 1;
const FINGERPRINT_CHARACTERS = 43;
const MILLISECONDS_DIGITS = 13;
const SIGNATURE_HEADERS = [
  "x-thegrid-timestamp",
  "x-thegrid-fingerprint",
  "x-thegrid-signature",
] as const;

export type SignatureVersion = 1 | 2;

export interface SentSignature {
  version: SignatureVersion;
  timestamp: string;
  /** Padding removed. */
  fingerprint: string;
  signature: string;
  /** "" in version 1. */
  nonce: string;
}

/** What a request's headers claim; throws the refusal when one is missing or malformed. */
export function readSignature(request: FastifyRequest): SentSignature {
  const version = versionOf(request);
  const names = version === 2 ? [...SIGNATURE_HEADERS, NONCE_HEADER] : SIGNATURE_HEADERS;
  const values = names.map((name) => request.headers[name]);
  const missing = names.filter((_name, at) => typeof values[at] !== "string");
  if (missing.length > 0) {
    throw new Refused(
      "missing-authentication",
      `missing header ${missing.join(", ")}; sign the request with a registered Ed25519 key`,
    );
  }
  const [timestamp, fingerprint, signature, nonce = ""] = values as string[] as [
    string,
    string,
    string,
    string?,
  ];
  if (version === 2 && !NONCE.test(nonce)) {
    throw new Refused(
      "invalid-nonce",
      `${NONCE_HEADER} has ${nonce.length} characters or others than letters, digits, "-" and "_"; send 16 to 64 random ones`,
    );
  }
  return {
    version,
    timestamp,
    fingerprint: fingerprint.slice(0, FINGERPRINT_CHARACTERS + 1).replace(/=+$/, ""),
    signature,
    nonce,
  };
}

function versionOf(request: FastifyRequest): SignatureVersion {
  const sent = request.headers[SIGNATURE_VERSION_HEADER];
  if (sent === undefined || sent === "1") return 1;
  if (sent === SIGNATURE_VERSION_2) return 2;
  throw new Refused(
    "unknown-signature-version",
    `${SIGNATURE_VERSION_HEADER} is "${String(sent).slice(0, 20)}", expected 1 or 2; leave it out for 1`,
  );
}

/** The parts of a request that a signature may cover, as they came. */
export function partsOf(
  request: FastifyRequest,
  { timestamp, nonce }: Pick<SentSignature, "timestamp" | "nonce">,
  body: string,
): RequestParts {
  const at = request.url.indexOf("?");
  return {
    host: request.headers.host ?? "",
    timestampSeconds: timestamp,
    nonce,
    method: request.method,
    path: at === -1 ? request.url : request.url.slice(0, at),
    query: at === -1 ? "" : request.url.slice(at + 1),
    body,
  };
}

/** The text that a signature of that version is over. */
export function signedText(version: SignatureVersion, parts: RequestParts): string {
  if (version === 2) return signedRequestTextV2(parts);
  const { timestampSeconds, method, path, body } = parts;
  return signedRequestText(timestampSeconds, method, path, String(body));
}

/** What is wrong with a timestamp, or null. `startedAtMs` is when this process began to remember nonces. */
export function timestampProblem(
  { version, timestamp }: Pick<SentSignature, "version" | "timestamp">,
  { nowMs, startedAtMs }: { nowMs: number; startedAtMs: number },
): string | null {
  const nowSeconds = Math.floor(nowMs / 1000);
  if (/^\d+$/.test(timestamp) && timestamp.length === MILLISECONDS_DIGITS) {
    return `${timestamp} is in milliseconds, expected unix seconds`;
  }
  if (!/^\d{1,12}$/.test(timestamp)) {
    return `"${timestamp.slice(0, 20)}" is not a whole number of unix seconds`;
  }
  const seconds = Number(timestamp);
  if (Math.abs(nowSeconds - seconds) > TIMESTAMP_SECONDS_MAX) {
    return `${timestamp} is more than ${TIMESTAMP_SECONDS_MAX} s from the server's ${nowSeconds}; check the clock and sign again`;
  }
  if (version === 1) return null;
  if (seconds > nowSeconds + AHEAD_SECONDS_MAX_V2) {
    return `${timestamp} is more than ${AHEAD_SECONDS_MAX_V2} s ahead of the server's ${nowSeconds}; check the clock and sign again`;
  }
  // Its nonce may have been used before the start: whoever was there to remember is gone.
  const firstSeconds = Math.floor(startedAtMs / 1000) + AHEAD_SECONDS_MAX_V2 + 1;
  if (seconds < firstSeconds) {
    return `${timestamp} was before ${firstSeconds}, when the exchange began to take signatures of version 2; sign again`;
  }
  return null;
}
