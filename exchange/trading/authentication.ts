/**
 * Who sent a trading request: the published v1 signature, ours of v2, or a consumption key where a
 * route allows one.
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
import { importPublicKey, verifySignature } from "#protocol/signing.ts";
import { createNonces, type NonceVerdict } from "./nonces.ts";
import type { RateLimits } from "./rate-limits.ts";
import {
  partsOf,
  readSignature,
  type SentSignature,
  signedText,
  TIMESTAMP_SECONDS_MAX,
  timestampProblem,
} from "./signature.ts";

const KEYS_CACHED_MAX = 10_000;
/** Failures that look like guessing; a forgotten header or a slow clock does not. */
const COUNTED: readonly Refusal[] = ["invalid-signature", "invalid-api-key"];

/** How a request may prove whose it is. */
export type Proof = "signature" | "signature-or-key";

export interface Authenticator {
  /** The account behind a request with that raw body; throws the refusal. */
  accountOf(request: FastifyRequest, rawBody: string, proof: Proof): number;
  /** What is wrong with a timestamp now, or null. */
  timestampProblem(sent: SentSignature): string | null;
  /** The registered key of that name, ready to verify with, or null. */
  keyNamed(fingerprint: string): KeyObject | null;
  nonceVerdict(sent: SentSignature): NonceVerdict;
}

export interface AuthenticatorDependencies {
  shell: Shell;
  clock: Clock;
  limits: RateLimits;
  /** Names that this exchange has, in lower case; empty: any. A request signed for another is refused. */
  hosts?: readonly string[];
}

export function createAuthenticator({
  shell,
  clock,
  limits,
  hosts = [],
}: AuthenticatorDependencies): Authenticator {
  const keys = new LRUCache<string, KeyObject>({ max: KEYS_CACHED_MAX });
  const nonces = createNonces({ clock });
  const startedAtMs = clock.nowMs();

  function keyOf({ fingerprint, publicKey }: SigningKey): KeyObject {
    let key = keys.get(fingerprint);
    if (key === undefined) {
      key = importPublicKey(Buffer.from(publicKey, "base64url"));
      keys.set(fingerprint, key);
    }
    return key;
  }

  const problemOf = (sent: SentSignature) =>
    timestampProblem(sent, { nowMs: clock.nowMs(), startedAtMs });

  function signer(request: FastifyRequest, rawBody: string): number {
    const sent = readSignature(request);
    const problem = problemOf(sent);
    if (problem !== null) throw new Refused("expired-timestamp", `timestamp ${problem}`);
    const { fingerprint } = sent;
    // A revoked key is gone from the state, so the cache is only asked for keys that count.
    const known = shell.state.signingKeys.get(fingerprint);
    if (known === undefined) {
      throw new Refused(
        "invalid-signature",
        `no key with fingerprint ${fingerprint} is registered; it is base64 of SHA-256 of the raw public key, without "="`,
      );
    }
    const parts = partsOf(request, sent, rawBody);
    const text = signedText(sent.version, parts);
    if (!verifySignature(keyOf(known), text, Buffer.from(sent.signature, "base64"))) {
      throw new Refused("invalid-signature", mismatch(sent, text, rawBody));
    }
    if (sent.version === 2) {
      // Else what was signed for another exchange with the same key could be sent here as it is.
      if (hosts.length > 0 && !hosts.includes(parts.host.toLowerCase())) {
        throw new Refused(
          "invalid-signature",
          `the request is signed for host "${parts.host.slice(0, 80)}", this exchange is ${hosts.join(", ")}`,
        );
      }
      useNonce(sent);
    }
    return known.account;
  }

  function useNonce({ fingerprint, nonce, timestamp }: SentSignature): void {
    const untilMs = (Number(timestamp) + TIMESTAMP_SECONDS_MAX + 1) * 1000;
    const verdict = nonces.take(fingerprint, nonce, untilMs);
    if (verdict === "used") {
      throw new Refused(
        "nonce-reused",
        `nonce ${nonce} was used by this key within ${TIMESTAMP_SECONDS_MAX} s; nothing was executed, sign again with a new one`,
      );
    }
    if (verdict === "full") {
      throw new Refused("rate-limit-exceeded", "too many nonces of this key are remembered; wait", {
        retry_after: TIMESTAMP_SECONDS_MAX,
      });
    }
  }

  /** An API key reads; it changes an account only while that has no signing key, which bounds it. */
  function keyHolder(bearer: string, method: string): number {
    const found = findByApiKey(shell.state, bearer);
    if (found === null) throw new Refused("invalid-api-key");
    if (method !== "GET" && method !== "HEAD" && hasSigningKey(found.account)) {
      throw new Refused(
        "invalid-signature",
        "this account has a signing key: what changes it must be signed with it, an API key only reads",
      );
    }
    return found.account;
  }

  function hasSigningKey(account: number): boolean {
    for (const known of shell.state.signingKeys.values()) {
      if (known.account === account) return true;
    }
    return false;
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
        if (proof === "signature-or-key" && bearer !== undefined) {
          return keyHolder(bearer, request.method);
        }
        return signer(request, rawBody);
      } catch (error) {
        if (error instanceof Refused && COUNTED.includes(error.refusal)) {
          limits.take("authFailures", request.ip);
        }
        throw error;
      }
    },
    timestampProblem: problemOf,
    keyNamed(fingerprint) {
      const known = shell.state.signingKeys.get(fingerprint);
      return known === undefined ? null : keyOf(known);
    },
    nonceVerdict: ({ fingerprint, nonce }) => nonces.peek(fingerprint, nonce),
  };
}

function mismatch({ version }: SentSignature, text: string, rawBody: string): string {
  const bytes = Buffer.byteLength(rawBody);
  const ask = "POST /v1/auth/echo shows each step";
  if (version === 2) {
    return `the signature does not fit this request; its text is ${JSON.stringify(text)} (the body has ${bytes} bytes); ${ask}`;
  }
  const start = text.slice(0, text.length - rawBody.length);
  return `the signature does not fit this request; sign "${start}" and then the exact body (${bytes} bytes came), without the query; ${ask}`;
}
