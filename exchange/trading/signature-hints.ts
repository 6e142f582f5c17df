/** Typical mistakes of clients that sign: which other text does a signature fit, that does not fit ours? */
import type { KeyObject } from "node:crypto";
import { signedRequestText, verifySignature } from "#protocol/signing.ts";
import { type RequestParts, signedRequestTextV2 } from "#protocol/signing-v2.ts";

/** Texts that are tried: each costs a verification. */
export const HINTS_TRIED_MAX = 12;

interface Mistake {
  hint: string;
  text: string;
}

/** What to change, for each text that the signature does fit. */
export function signatureHints(
  key: KeyObject,
  signature: string,
  parts: RequestParts,
  computed: string,
): string[] {
  if (/^[0-9a-f]{128}$/i.test(signature)) return ["the signature is hex; send it as base64"];
  const bytes = Buffer.from(signature, "base64");
  if (bytes.length !== 64) {
    return [`the signature has ${bytes.length} bytes after base64, an Ed25519 signature has 64`];
  }
  return mistakes(parts)
    .filter(({ text }) => text !== computed)
    .slice(0, HINTS_TRIED_MAX)
    .filter(({ text }) => verifySignature(key, text, bytes))
    .map(({ hint }) => hint);
}

function mistakes(parts: RequestParts): Mistake[] {
  const { timestampSeconds, method, path, query, host } = parts;
  const body = String(parts.body);
  const v1 = (change: { method?: string; path?: string; body?: string }) =>
    signedRequestText(timestampSeconds, method, change.path ?? path, change.body ?? body);
  const v2 = (change: Partial<RequestParts>) => signedRequestTextV2({ ...parts, ...change });
  const reserialised = jsonAgain(body);
  return [
    {
      hint: "the query was signed; version 1 leaves it out",
      text: v1({ path: `${path}?${query}` }),
    },
    {
      hint: "the path was signed without its version prefix; sign it as it is on the request line",
      text: v1({ path: path.replace(/^(\/api)?\/v1/, "") }),
    },
    {
      hint: "the whole URL was signed; sign the path",
      text: v1({ path: `http://${host}${path}` }),
    },
    {
      hint: "the whole URL was signed; sign the path",
      text: v1({ path: `https://${host}${path}` }),
    },
    {
      hint: "the method was signed in lower case; sign it in upper case",
      text: `${timestampSeconds}${method.toLowerCase()}${path}${body}`,
    },
    { hint: "the body was not signed", text: v1({ body: "" }) },
    {
      hint: 'an empty JSON object was signed for an empty body; sign ""',
      text: v1({ body: body === "" ? "{}" : body }),
    },
    {
      hint: "other bytes were signed than were sent: the same JSON, written differently; sign the text that you send",
      text: v1({ body: reserialised }),
    },
    { hint: "this is a signature of version 1; leave the version header out", text: v1({}) },
    { hint: "this is a signature of version 2; send the version header", text: v2({}) },
    { hint: "the query was not signed; version 2 covers it", text: v2({ query: "" }) },
    {
      hint: "other bytes were signed than were sent: the same JSON, written differently; sign the text that you send",
      text: v2({ body: reserialised }),
    },
  ];
}

function jsonAgain(body: string): string {
  try {
    const compact = JSON.stringify(JSON.parse(body));
    return compact === body ? pythonLike(JSON.parse(body)) : compact;
  } catch {
    return body;
  }
}

/** The same JSON with a space after each comma and colon, as Python's `json.dumps` writes it. */
function pythonLike(value: unknown): string {
  return JSON.stringify(value, null, 1)
    .replace(/\n\s*/g, " ")
    .replace(/([[{]) /g, "$1")
    .replace(/ ([\]}])/g, "$1");
}
