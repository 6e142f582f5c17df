/**
 * Ed25519: what is signed, by whom, and how it is checked.
 *
 * Requests and handshakes are verified with node:crypto (13 times faster than pure JavaScript here);
 * keys are examined once, when they are registered, with @noble/ed25519.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { Point } from "@noble/ed25519";

/** Fixed DER heads that turn 32 raw bytes into SPKI and PKCS#8 (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** A private key with its public half, ready to sign. */
export interface Identity {
  /** 32 bytes. Keep secret. */
  seed: Buffer;
  publicKey: Buffer;
  sign(message: string | Uint8Array): Buffer;
}

/** Builds an identity from a 32-byte seed; makes a new one when none is given. */
export function createIdentity(seed: Buffer = randomBytes(32)): Identity {
  if (seed.length !== 32) throw new RangeError(`seed of ${seed.length} bytes, expected 32`);
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, seed]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey(privateKey)
    .export({ format: "der", type: "spki" })
    .subarray(SPKI_HEAD.length);
  return {
    seed,
    publicKey: Buffer.from(publicKey),
    sign: (message) => sign(null, Buffer.from(message), privateKey),
  };
}

/** Turns a raw public key into the form that `verifySignature` takes; keep it, importing costs more than verifying. */
export function importPublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, raw]), format: "der", type: "spki" });
}

/** True when `signature` is the key's over the message. Never throws on bad input. */
export function verifySignature(
  key: KeyObject,
  message: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  return verify(null, Buffer.from(message), key, signature);
}

/**
 * Why a public key may not be registered, or null when it may.
 * Small-order keys verify forged signatures in some OpenSSL versions, and verifiers disagree about
 * keys with a torsion part, so both are refused (RFC 8032 section 5.1.7; "Taming the many EdDSAs").
 */
export function publicKeyProblem(raw: Uint8Array): string | null {
  if (raw.length !== PUBLIC_KEY_BYTES) {
    return `an Ed25519 public key has ${PUBLIC_KEY_BYTES} bytes, got ${raw.length}`;
  }
  let point: Point;
  try {
    point = Point.fromBytes(raw, false);
  } catch {
    return "the bytes are not a canonical point of the curve";
  }
  if (point.isSmallOrder()) return "the key has small order: anyone could sign for it";
  if (!point.isTorsionFree()) return "the key has mixed order: verifiers disagree about it";
  return null;
}

/** The name of a signing key on the wire: base64 of SHA-256 of the raw key, padding removed. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash("sha256").update(publicKey).digest("base64").replace(/=+$/, "");
}

/**
 * The text that a v1 trading request signs, as The Grid publishes it: unix seconds, upper-case
 * method, path without query, and the exact body ("" if none).
 */
export function signedRequestText(
  timestampSeconds: string,
  method: string,
  path: string,
  body: string,
): string {
  return `${timestampSeconds}${method.toUpperCase()}${path}${body}`;
}

/** What both sides of a link sign: each under its own domain, over everything exchanged so far. */
export function linkTranscript(
  signer: "exchange" | "node",
  parts: {
    version: number;
    exchangePublicKey: string;
    nodePublicKey: string;
    agentNonce: string;
    exchangeNonce: string;
    /** The exact bytes of the agent's hello payload. */
    hello: Uint8Array;
  },
): string {
  return [
    signer === "exchange" ? "GRIDSPOT-1-LINK-EXCHANGE" : "GRIDSPOT-1-LINK-NODE",
    String(parts.version),
    parts.exchangePublicKey,
    parts.nodePublicKey,
    parts.agentNonce,
    parts.exchangeNonce,
    createHash("sha256").update(parts.hello).digest("hex"),
  ].join("\n");
}

/** Join tokens name the exchange's key, so that first contact is authenticated in both directions. */
export const JOIN_TOKEN = /^gsj_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{16}$/;

/** Makes a single-use join token bound to the exchange's public key. */
export function createJoinToken(exchangePublicKey: Uint8Array): string {
  return `gsj_${randomBytes(16).toString("base64url")}_${joinTokenPin(exchangePublicKey)}`;
}

/** The part of a join token that pins the exchange: 12 bytes of SHA-256 of its key. */
export function joinTokenPin(exchangePublicKey: Uint8Array): string {
  return createHash("sha256")
    .update(exchangePublicKey)
    .digest()
    .subarray(0, 12)
    .toString("base64url");
}

/** What the exchange stores of a join token or an API key: never the secret itself. */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
