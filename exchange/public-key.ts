/** Signing keys as clients send them: base64 of 32 raw bytes, examined before they are registered. */
import { createHash } from "node:crypto";
import { Refused } from "#exchange/http.ts";
import { fingerprintOf, PUBLIC_KEY_BYTES, publicKeyProblem } from "#protocol/signing.ts";

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The raw key in the core's form (base64url) with its fingerprint; throws `invalid-public-key`. */
export function readPublicKey(text: string): { publicKey: string; fingerprint: string } {
  const refuse = (why: string) =>
    new Refused("invalid-public-key", `public_key: ${why}`, { field: "public_key", message: why });
  if (text.includes("BEGIN")) {
    throw refuse(`expected base64 of the ${PUBLIC_KEY_BYTES} raw bytes, got PEM`);
  }
  if (!BASE64.test(text)) {
    throw refuse(`expected base64 of the ${PUBLIC_KEY_BYTES} raw bytes, got other characters`);
  }
  const raw = Buffer.from(text, "base64");
  const problem = publicKeyProblem(raw);
  if (problem !== null) throw refuse(problem);
  return { publicKey: raw.toString("base64url"), fingerprint: fingerprintOf(raw) };
}

/** The public name of a signing key: says nothing of the fingerprint, which is shown in full only once. */
export function signingKeyId(fingerprint: string): string {
  return `key_${createHash("sha256").update(fingerprint).digest("hex").slice(0, 32)}`;
}
