/**
 * Who is at the other end: the published signature over `timestamp + fingerprint`, within the same
 * window as that of a signed request.
 */
import type { CoreState, SigningKey } from "#exchange/core/state.ts";
import { shown } from "#exchange/request-body.ts";
import { importPublicKey, verifySignature } from "#protocol/signing.ts";

/** A timestamp may be this far from our time, either way. */
const TIMESTAMP_SECONDS_MAX = 30;

export type SignInResult =
  | { ok: true; key: SigningKey }
  | { ok: false; reason: "invalid_payload" | "invalid_signature"; code: string; message: string };

/** Checks a payload `{timestamp, fingerprint, signature}` against the registered keys. */
export function checkSignIn(
  state: CoreState,
  payload: Record<string, unknown>,
  nowMs: number,
): SignInResult {
  const { fingerprint, signature } = payload;
  const { timestamp } = payload;
  const seconds = typeof timestamp === "number" ? String(timestamp) : timestamp;
  if (typeof seconds !== "string" || !/^\d{1,12}$/.test(seconds)) {
    return malformed("timestamp", payload.timestamp, "unix seconds as a decimal string");
  }
  if (typeof fingerprint !== "string" || fingerprint.length > 100) {
    return malformed("fingerprint", fingerprint, "base64 of SHA-256 of the raw public key");
  }
  if (typeof signature !== "string" || signature.length > 200) {
    return malformed("signature", signature, "base64 of an Ed25519 signature");
  }
  const nowSeconds = Math.floor(nowMs / 1_000);
  if (Math.abs(nowSeconds - Number(seconds)) > TIMESTAMP_SECONDS_MAX) {
    const off = `${seconds} is more than ${TIMESTAMP_SECONDS_MAX} s from the server's ${nowSeconds}`;
    return forged("EXPIRED_TIMESTAMP", `timestamp ${off}; check the clock and sign again`);
  }
  // A revoked key is gone from the state.
  const key = state.signingKeys.get(fingerprint.replace(/=+$/, ""));
  if (key === undefined) {
    return forged(
      "INVALID_SIGNATURE",
      `no key with fingerprint ${shown(fingerprint)} is registered`,
    );
  }
  const publicKey = importPublicKey(Buffer.from(key.publicKey, "base64url"));
  // The fingerprint as it was sent: that is what was signed.
  const text = `${seconds}${fingerprint}`;
  if (verifySignature(publicKey, text, Buffer.from(signature, "base64"))) return { ok: true, key };
  return forged(
    "INVALID_SIGNATURE",
    `the signature does not fit; sign the text "${text}" and send it in base64`,
  );
}

function malformed(field: string, value: unknown, expected: string): SignInResult {
  const message = `${field} is ${shown(value)}, expected ${expected}`;
  return { ok: false, reason: "invalid_payload", code: "INVALID_PAYLOAD", message };
}

function forged(code: string, message: string): SignInResult {
  return { ok: false, reason: "invalid_signature", code, message };
}
