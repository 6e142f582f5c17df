import { Point } from "@noble/ed25519";
import { expect, test } from "vitest";
import {
  createIdentity,
  createJoinToken,
  fingerprintOf,
  importPublicKey,
  JOIN_TOKEN,
  joinTokenPin,
  publicKeyProblem,
  signedRequestText,
  verifySignature,
} from "./signing.ts";

/** RFC 8032 section 7.1, test 1. */
const SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/** A point of order 8 (the curve's cofactor). */
const TORSION = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";

test("a seed gives the public key and the signature of RFC 8032", () => {
  const identity = createIdentity(Buffer.from(SEED, "hex"));
  expect(identity.publicKey.toString("hex")).toBe(PUBLIC_KEY);
  expect(identity.sign("").toString("hex").slice(0, 32)).toBe("e5564300c360ac729086e2cc806e828a");
});

test("a v1 request signs timestamp, upper-case method, path without query, and body", () => {
  expect(signedRequestText("1706500000", "post", "/v1/orders", '{"a":1}')).toBe(
    '1706500000POST/v1/orders{"a":1}',
  );
});

test("a signature holds for its text and its key, and nothing else", () => {
  const identity = createIdentity();
  const key = importPublicKey(identity.publicKey);
  const signature = identity.sign("text");
  expect(verifySignature(key, "text", signature)).toBe(true);
  expect(verifySignature(key, "texts", signature)).toBe(false);
  expect(verifySignature(importPublicKey(createIdentity().publicKey), "text", signature)).toBe(
    false,
  );
  expect(verifySignature(key, "text", signature.subarray(1))).toBe(false);
  expect(fingerprintOf(identity.publicKey)).not.toContain("=");
});

test("two hundred honest keys are taken", () => {
  for (let key = 0; key < 200; key += 1) {
    expect(publicKeyProblem(createIdentity().publicKey)).toBeNull();
  }
});

const mixed = Point.fromHex(PUBLIC_KEY).add(Point.fromHex(TORSION)).toBytes();
test.each([
  ["the identity", Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]), "small order"],
  ["a key of order 8", Buffer.from(TORSION, "hex"), "small order"],
  ["a key of mixed order", Buffer.from(mixed), "mixed order"],
  ["too few bytes", Buffer.alloc(31), "32 bytes, got 31"],
  ["bytes off the curve", Buffer.alloc(32, 0xff), "not a canonical point"],
])("%s is refused with a reason", (_name, key, reason) => {
  expect(publicKeyProblem(key)).toContain(reason);
});

test("a join token names the exchange that made it", () => {
  const { publicKey } = createIdentity();
  const token = createJoinToken(publicKey);
  expect(token).toMatch(JOIN_TOKEN);
  expect(token.endsWith(joinTokenPin(publicKey))).toBe(true);
});
