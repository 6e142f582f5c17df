/**
 * Who sent a trading request: the published v1 signature, Ed25519 over
 * `timestamp + METHOD + path + body`, or a consumption key where a route allows one.
 */
import type { KeyObject } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { findByApiKey } from "#exchange/api-key.ts";
import type { Clock } from "#exchange/clock.ts";
import { Refused } from "#exchange/http.ts";
import type { Shell } from "#exchange/shell.ts";
import { importPublicKey, signedRequestText, verifySignature } from "#protocol/signing.ts";

/** A timestamp may be this far from our time, either way. */
const TIMESTAMP_SECONDS_MAX = 30;
const KEYS_CACHED_MAX = 10_000;
/** Bad signatures of one address per window before it must wait: each costs a verification. */
const FAILURES_MAX = 20;
const FAILURE_WINDOW_MS = 10_000;
const ADDRESSES_MAX = 10_000;

/** The raw body of a request, kept by the content parser for the signature. */
export const rawBodies = new WeakMap<FastifyRequest["raw"], string>();

export interface Authenticator {
  /** The account that signed the request; throws the refusal. */
  signed(request: FastifyRequest): number;
  /** The account of a bearer key, or of the signature. */
  signedOrKey(request: FastifyRequest): number;
}

export function createAuthenticator(
  _options: object,
  { shell, clock }: { shell: Shell; clock: Clock },
): Authenticator {
  const keys = new LRUCache<string, KeyObject>({ max: KEYS_CACHED_MAX });
  const failures = new LRUCache<string, { count: number; sinceMs: number }>({ max: ADDRESSES_MAX });

  function failed(address: string, error: Refused): Refused {
    const nowMs = clock.monotonicMs();
    const known = failures.get(address);
    if (known === undefined || nowMs - known.sinceMs > FAILURE_WINDOW_MS) {
      failures.set(address, { count: 1, sinceMs: nowMs });
    } else known.count += 1;
    return error;
  }

  function checkFailures(address: string): void {
    const known = failures.get(address);
    if (known === undefined || known.count < FAILURES_MAX) return;
    if (clock.monotonicMs() - known.sinceMs > FAILURE_WINDOW_MS) return;
    throw new Refused("rate-limit-exceeded", "too many failed signatures from this address");
  }

  function signed(request: FastifyRequest): number {
    const timestamp = header(request, "x-thegrid-timestamp");
    const fingerprint = header(request, "x-thegrid-fingerprint");
    const signature = header(request, "x-thegrid-signature");
    if (timestamp === null || fingerprint === null || signature === null) {
      throw new Refused(
        "missing-authentication",
        "expected the headers x-thegrid-timestamp, x-thegrid-fingerprint and x-thegrid-signature",
      );
    }
    checkFailures(request.ip);
    const nowSeconds = clock.nowMs() / 1000;
    if (!/^\d{1,12}$/.test(timestamp)) {
      throw new Refused(
        "expired-timestamp",
        `timestamp "${timestamp}" is no number of unix seconds`,
      );
    }
    if (Math.abs(nowSeconds - Number(timestamp)) > TIMESTAMP_SECONDS_MAX) {
      throw new Refused(
        "expired-timestamp",
        `timestamp ${timestamp} is more than ${TIMESTAMP_SECONDS_MAX} s from the server's ${Math.floor(nowSeconds)}; check the clock and sign again`,
      );
    }
    const known = shell.state.signingKeys.get(fingerprint.replace(/=+$/, ""));
    const path = request.url.split("?")[0] ?? "";
    const text = signedRequestText(
      timestamp,
      request.method,
      path,
      rawBodies.get(request.raw) ?? "",
    );
    if (
      known === undefined ||
      !verifySignature(keyOf(known), text, Buffer.from(signature, "base64"))
    ) {
      throw failed(
        request.ip,
        new Refused(
          "invalid-signature",
          `the signature is not valid for fingerprint ${fingerprint} over timestamp + ${request.method} + ${path} + body`,
        ),
      );
    }
    return known.account;
  }

  function keyOf({
    fingerprint,
    publicKey,
  }: {
    fingerprint: string;
    publicKey: string;
  }): KeyObject {
    let key = keys.get(fingerprint);
    if (key === undefined) {
      key = importPublicKey(Buffer.from(publicKey, "base64url"));
      keys.set(fingerprint, key);
    }
    return key;
  }

  return {
    signed,
    signedOrKey(request) {
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
      if (bearer === undefined) return signed(request);
      const found = findByApiKey(shell.state, bearer);
      if (found === null) throw failed(request.ip, new Refused("invalid-api-key"));
      return found.account;
    },
  };
}

function header(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : null;
}
