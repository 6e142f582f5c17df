/**
 * Who sent a trading request: the published v1 signature, Ed25519 over
 * `timestamp + METHOD + path + body`, or a consumption key where a route allows one.
 */
import type { KeyObject } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { findByApiKey } from "#exchange/api-key.ts";
import type { Clock } from "#exchange/clock.ts";
import type { SigningKey } from "#exchange/core/state.ts";
import type { Refusal } from "#exchange/errors.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { importPublicKey, signedRequestText, verifySignature } from "#protocol/signing.ts";
import type { RateLimits } from "./rate-limits.ts";

/** A timestamp may be this far from our time, either way. */
const TIMESTAMP_SECONDS_MAX = 30;
const KEYS_CACHED_MAX = 10_000;
const MILLISECONDS_DIGITS = 13;
const FINGERPRINT_CHARACTERS = 43;
const SIGNATURE_HEADERS = [
  "x-thegrid-timestamp",
  "x-thegrid-fingerprint",
  "x-thegrid-signature",
] as const;
/** Failures that look like guessing; a forgotten header or a slow clock does not. */
const COUNTED: readonly Refusal[] = ["invalid-signature", "invalid-api-key"];

/** How a request may prove whose it is. */
export type Proof = "signature" | "signature-or-key";

export interface Authenticator {
  /** The account behind a request with that raw body; throws the refusal. */
  accountOf(request: FastifyRequest, rawBody: string, proof: Proof): number;
}

export interface AuthenticatorDependencies {
  shell: Shell;
  clock: Clock;
  limits: RateLimits;
}

export function createAuthenticator({
  shell,
  clock,
  limits,
}: AuthenticatorDependencies): Authenticator {
  const keys = new LRUCache<string, KeyObject>({ max: KEYS_CACHED_MAX });

  function keyOf({ fingerprint, publicKey }: SigningKey): KeyObject {
    let key = keys.get(fingerprint);
    if (key === undefined) {
      key = importPublicKey(Buffer.from(publicKey, "base64url"));
      keys.set(fingerprint, key);
    }
    return key;
  }

  function signer(request: FastifyRequest, rawBody: string): number {
    const [timestamp, sentFingerprint, signature] = signatureHeaders(request);
    checkTimestamp(timestamp, clock.nowMs());
    const fingerprint = sentFingerprint.slice(0, FINGERPRINT_CHARACTERS + 1).replace(/=+$/, "");
    // A revoked key is gone from the state, so the cache is only asked for keys that count.
    const known = shell.state.signingKeys.get(fingerprint);
    if (known === undefined) {
      throw new Refused(
        "invalid-signature",
        `no key with fingerprint ${fingerprint} is registered; it is base64 of SHA-256 of the raw public key, without "="`,
      );
    }
    const path = request.url.split("?")[0] ?? "";
    const text = signedRequestText(timestamp, request.method, path, rawBody);
    if (!verifySignature(keyOf(known), text, Buffer.from(signature, "base64"))) {
      throw new Refused(
        "invalid-signature",
        `the signature does not fit this request; sign "${timestamp}${request.method}${path}" and then the exact body (${Buffer.byteLength(rawBody)} bytes came), without the query`,
      );
    }
    return known.account;
  }

  function keyHolder(bearer: string): number {
    const found = findByApiKey(shell.state, bearer);
    if (found === null) throw new Refused("invalid-api-key");
    return found.account;
  }

  return {
    accountOf(request, rawBody, proof) {
      // A failed check costs a verification, so an address that keeps failing must wait first.
      const { retryAfterSeconds } = limits.peek("authFailures", request.ip);
      if (retryAfterSeconds !== null) {
        throw new Refused(
          "rate-limit-exceeded",
          `too many failed signatures or keys from this address; wait ${retryAfterSeconds} s`,
          { retry_after: retryAfterSeconds },
        );
      }
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
      try {
        if (proof === "signature-or-key" && bearer !== undefined) return keyHolder(bearer);
        return signer(request, rawBody);
      } catch (error) {
        if (error instanceof Refused && COUNTED.includes(error.refusal)) {
          limits.take("authFailures", request.ip);
        }
        throw error;
      }
    },
  };
}

function signatureHeaders(request: FastifyRequest): [string, string, string] {
  const values = SIGNATURE_HEADERS.map((name) => request.headers[name]);
  const missing = SIGNATURE_HEADERS.filter((_name, at) => typeof values[at] !== "string");
  if (missing.length === 0) return values as [string, string, string];
  throw new Refused(
    "missing-authentication",
    `missing header ${missing.join(", ")}; sign the request with a registered Ed25519 key`,
  );
}

function checkTimestamp(timestamp: string, nowMs: number): void {
  const nowSeconds = Math.floor(nowMs / 1000);
  const refuse = (why: string) => new Refused("expired-timestamp", `timestamp ${why}`);
  if (/^\d+$/.test(timestamp) && timestamp.length === MILLISECONDS_DIGITS) {
    throw refuse(`${timestamp} is in milliseconds, expected unix seconds`);
  }
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw refuse(`"${timestamp.slice(0, 20)}" is not a whole number of unix seconds`);
  }
  if (Math.abs(nowSeconds - Number(timestamp)) > TIMESTAMP_SECONDS_MAX) {
    throw refuse(
      `${timestamp} is more than ${TIMESTAMP_SECONDS_MAX} s from the server's ${nowSeconds}; check the clock and sign again`,
    );
  }
}
