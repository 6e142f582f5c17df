/** The published examples of both signatures, checked with an implementation that is not ours. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { getPublicKeyAsync, verifyAsync } from "@noble/ed25519";
import { describe, expect, test } from "vitest";
import { createIdentity, fingerprintOf, signedRequestText } from "./signing.ts";
import { NONCE, signedRequestTextV2 } from "./signing-v2.ts";

interface Vector {
  version: 1 | 2;
  key: number;
  name: string;
  timestamp: string;
  nonce?: string;
  method: string;
  host: string;
  path: string;
  query: string;
  body: string;
  message: string;
  signature: string;
}
interface Vectors {
  keys: {
    seed_hex: string;
    seed_base64: string;
    public_key_base64: string;
    fingerprint: string;
  }[];
  vectors: Vector[];
}
const { keys, vectors }: Vectors = JSON.parse(
  readFileSync(new URL("./signing-vectors.json", import.meta.url), "utf8"),
);

test.each(keys)("key $fingerprint follows from its seed", async (key) => {
  const seed = Buffer.from(key.seed_hex, "hex");
  expect(seed.toString("base64")).toBe(key.seed_base64);
  const publicKey = Buffer.from(await getPublicKeyAsync(seed));
  expect(publicKey.toString("base64")).toBe(key.public_key_base64);
  const fingerprint = createHash("sha256").update(publicKey).digest("base64");
  expect(fingerprint).toBe(`${key.fingerprint}=`);
  expect(fingerprintOf(publicKey)).toBe(key.fingerprint);
});

describe.each(vectors)("v$version, $name", (vector) => {
  const key = keys[vector.key]!;

  test("the message is what we compute", () => {
    const { timestamp: timestampSeconds, nonce = "" } = vector;
    const computed =
      vector.version === 1
        ? signedRequestText(timestampSeconds, vector.method, vector.path, vector.body)
        : signedRequestTextV2({ ...vector, timestampSeconds, nonce });
    expect(computed).toBe(vector.message);
  });

  test("the signature is the key's, for us and for another implementation", async () => {
    const signature = Buffer.from(vector.signature, "base64");
    const publicKey = Buffer.from(key.public_key_base64, "base64");
    expect(await verifyAsync(signature, Buffer.from(vector.message), publicKey)).toBe(true);
    const identity = createIdentity(Buffer.from(key.seed_hex, "hex"));
    expect(identity.sign(vector.message).toString("base64")).toBe(vector.signature);
  });
});

test("a v2 message has eight lines, whatever is empty", () => {
  const v2 = vectors.filter(({ version }) => version === 2);
  expect(v2.map(({ message }) => message.split("\n").length)).toEqual(v2.map(() => 8));
  for (const { nonce } of v2) expect(nonce).toMatch(NONCE);
});

test.each<keyof Vector>(["host", "timestamp", "nonce", "method", "path", "query", "body"])(
  "v2 covers the %s",
  (part) => {
    const vector = vectors.find(({ version, query }) => version === 2 && query !== "")!;
    const parts = { ...vector, timestampSeconds: vector.timestamp, nonce: vector.nonce! };
    const changed = {
      ...parts,
      [part]: "changed",
      ...(part === "timestamp" && { timestampSeconds: "1" }),
    };
    expect(signedRequestTextV2(changed)).not.toBe(vector.message);
  },
);
