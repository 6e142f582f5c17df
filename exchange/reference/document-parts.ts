/** What the OpenAPI document has once: how callers prove themselves, what errors and pages look like. */
import { ERRORS } from "#exchange/errors.ts";
import type { ProofNeeded, Tag } from "./described.ts";

export const TAGS: { name: Tag; description: string }[] = [
  { name: "orders", description: "Orders and the caller's own fills" },
  { name: "markets", description: "Public market data" },
  { name: "account", description: "The caller: limits, balances, settings" },
  { name: "transfers", description: "Units between Trading and Consumption, and Lots" },
  { name: "supply", description: "A supplier's issuances and what it owes" },
  { name: "keys", description: "Signing keys and API keys" },
  { name: "consumption", description: "Inference, as OpenAI's SDKs ask for it" },
  { name: "operator", description: "For whoever runs the exchange" },
  { name: "health", description: "Whether it works" },
];

const SIGNED = { signatureTimestamp: [], signatureFingerprint: [], signature: [] };

export const SECURITY: Record<ProofNeeded, object[]> = {
  none: [],
  signature: [SIGNED],
  "signature-or-key": [SIGNED, { apiKey: [] }],
  key: [{ apiKey: [] }],
  operator: [{ operatorToken: [] }],
};

const header = (name: string, description: string) => ({
  type: "apiKey",
  in: "header",
  name,
  description,
});
const text = { type: "string" };
const CODES = Object.values(ERRORS).map(({ code }) => code);

export const COMPONENTS = {
  securitySchemes: {
    signatureTimestamp: header("x-thegrid-timestamp", "unix seconds, within 30 of the server's"),
    signatureFingerprint: header(
      "x-thegrid-fingerprint",
      'base64 of SHA-256 of the raw public key, without "="',
    ),
    signature: header(
      "x-thegrid-signature",
      "base64 Ed25519 signature; see docs/api.md for what is signed",
    ),
    apiKey: { type: "http", scheme: "bearer", description: "a key that begins with `gs_`" },
    operatorToken: { type: "http", scheme: "bearer", description: "the token in operator.token" },
  },
  schemas: {
    Paging: {
      type: "object",
      required: ["has_more", "next_cursor", "prev_cursor"],
      properties: {
        has_more: { type: "boolean" },
        next_cursor: { anyOf: [text, { type: "null" }] },
        prev_cursor: { anyOf: [text, { type: "null" }] },
      },
    },
    ErrorCode: { enum: CODES, description: "stable; docs/errors.md says when each is given" },
    Error: {
      type: "object",
      required: ["errors"],
      properties: {
        errors: {
          type: "object",
          required: ["detail", "code", "message"],
          properties: {
            detail: text,
            code: { $ref: "#/components/schemas/ErrorCode" },
            message: text,
            details: { type: "object" },
          },
        },
      },
    },
    OpenAiError: {
      type: "object",
      required: ["error"],
      properties: {
        error: {
          type: "object",
          required: ["message", "type", "param", "code"],
          properties: {
            message: text,
            type: text,
            param: { anyOf: [text, { type: "null" }] },
            code: text,
          },
        },
      },
    },
  },
};

/** The envelope of a refusal: OpenAI's on the consumption API, the published one elsewhere. */
export function errorSchemaOf(tag: Tag): { $ref: string } {
  const name = tag === "consumption" ? "OpenAiError" : "Error";
  return { $ref: `#/components/schemas/${name}` };
}
