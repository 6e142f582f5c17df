/**
 * API keys of the consumption API: `gs_live_` + 8 characters of key id + 32 of secret + 6 of CRC-32,
 * base 62. The checksum turns typing errors away before any lookup; only a hash is stored.
 */
import { randomInt, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { CoreState } from "#exchange/core/state.ts";
import { secretHash } from "#protocol/signing.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KEY = /^gs_(live|test)_([0-9A-Za-z]{8})([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

function base62(length: number): string {
  let text = "";
  for (let at = 0; at < length; at += 1) text += ALPHABET[randomInt(62)];
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let out = "";
  for (let at = 0; at < 6; at += 1) {
    out = ALPHABET[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

/** Makes a key: what is shown once, and what the exchange keeps. */
export function createApiKey(environment: "live" | "test"): {
  key: string;
  keyId: string;
  hash: string;
} {
  const keyId = base62(8);
  const start = `gs_${environment}_${keyId}${base62(32)}`;
  const key = `${start}${checksum(start)}`;
  return { key, keyId, hash: secretHash(key) };
}

/** The key's id when its form and checksum are right, else null. */
export function parseApiKey(key: string): string | null {
  const match = KEY.exec(key);
  if (match === null || checksum(key.slice(0, -6)) !== match[4]) return null;
  return match[2] as string;
}

/** Whose key it is, or null. */
export function findByApiKey(
  state: CoreState,
  key: string,
): { account: number; keyId: string } | null {
  const keyId = parseApiKey(key);
  const known = keyId === null ? undefined : state.apiKeys.get(keyId);
  if (known === undefined) return null;
  const same = timingSafeEqual(Buffer.from(known.secretHash), Buffer.from(secretHash(key)));
  return same ? { account: known.account, keyId: known.keyId } : null;
}
