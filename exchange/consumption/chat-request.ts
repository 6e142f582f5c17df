/** Reading a chat completion request: parsed once, checked where it decides money, passed on as it came. */
import { isUtf8 } from "node:buffer";
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Refusal } from "#exchange/errors.ts";

const MESSAGES_MAX = 2_000;
const PARTS_MAX = 2_000;
const TOOLS_MAX = 128;
const CHOICES_MAX = 8;
const STOPS_MAX = 4;
const OUTPUT_TOKENS_MAX = 1_000_000;

/** Fields that name the buyer or bill him elsewhere; the supplier never sees them. */
const BUYER_FIELDS = [
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  "service_tier",
] as const;

/** SDKs send null for what is not set. */
const Nullable = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]));
const OutputTokens = Nullable(Type.Integer({ minimum: 1, maximum: OUTPUT_TOKENS_MAX }));
const Penalty = Nullable(Type.Number({ minimum: -2, maximum: 2 }));

/** What is checked; every other field passes to the supplier as it came. */
export const ChatRequestSchema = Type.Object({
  model: Type.String({ minLength: 1, maxLength: 64 }),
  messages: Type.Array(
    Type.Object({
      role: Type.Enum(["system", "developer", "user", "assistant", "tool"]),
      content: Type.Optional(Type.Unknown()),
    }),
    { minItems: 1, maxItems: MESSAGES_MAX },
  ),
  max_tokens: OutputTokens,
  max_completion_tokens: OutputTokens,
  n: Nullable(Type.Integer({ minimum: 1, maximum: CHOICES_MAX })),
  stream: Nullable(Type.Boolean()),
  stream_options: Nullable(Type.Object({ include_usage: Nullable(Type.Boolean()) })),
  stop: Nullable(
    Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: STOPS_MAX })]),
  ),
  temperature: Nullable(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: Nullable(Type.Number({ minimum: 0, maximum: 1 })),
  frequency_penalty: Penalty,
  presence_penalty: Penalty,
  seed: Nullable(Type.Integer()),
  logprobs: Nullable(Type.Boolean()),
  top_logprobs: Nullable(Type.Integer({ minimum: 0, maximum: 20 })),
  tools: Nullable(Type.Array(Type.Object({}), { maxItems: TOOLS_MAX })),
  response_format: Nullable(Type.Object({ type: Type.String() })),
});
const check = Compile(ChatRequestSchema);

/** What the exchange needs of a request. */
export interface ChatRequest {
  symbol: string;
  /** What is counted as the prompt, besides the frame of each message. */
  promptTexts: string[];
  messages: number;
  /** Per choice; null when the request names none. */
  maxOutputTokens: number | null;
  choices: number;
  streamed: boolean;
  includeUsage: boolean;
  /** What goes to the supplier. */
  body: Buffer;
}

export interface RefusedRequest {
  ok: false;
  refusal: Refusal;
  message: string;
  param: string | null;
}
export type ReadRequest = { ok: true; request: ChatRequest } | RefusedRequest;

type Fields = Record<string, unknown>;

/** Reads a request's bytes. `knows` says which instruments exist. */
export function readChatRequest(bytes: Buffer, knows: (symbol: string) => boolean): ReadRequest {
  if (!isUtf8(bytes)) return refuse("malformed-json", "the body is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return refuse("malformed-json", `the body is not JSON: ${(error as Error).message}`);
  }
  if (!check.Check(value)) return refuseShape(value);
  try {
    return readFields(value as Fields & typeof value, bytes, knows);
  } catch (error) {
    // Encoding what is nested without end exhausts the stack.
    if (!(error instanceof RangeError)) throw error;
    return refuse("validation-error", "the body is nested too deeply");
  }
}

interface Known {
  model: string;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  n?: number | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean | null } | null;
}

function readFields(
  request: Fields & Known,
  bytes: Buffer,
  knows: (symbol: string) => boolean,
): ReadRequest {
  const messages = request.messages as Fields[];
  for (const [index, fields] of [request, ...messages].entries()) {
    if (!Object.hasOwn(fields, "__proto__")) continue;
    const where = index === 0 ? "__proto__" : `messages[${index - 1}].__proto__`;
    return refuse("validation-error", "__proto__ is no parameter; leave it out", where);
  }
  if (!knows(request.model)) {
    const message = `no instrument "${request.model}"; GET /v1/models lists what is traded`;
    return refuse("instrument-not-found", message, "model");
  }
  const promptTexts: string[] = [];
  for (const [index, message] of messages.entries()) {
    const problem = addTexts(message, `messages[${index}]`, promptTexts);
    if (problem !== null) return problem;
  }
  // Some servers still take the older name.
  for (const field of ["tools", "functions"]) {
    if (request[field] !== undefined && request[field] !== null) {
      promptTexts.push(JSON.stringify(request[field]));
    }
  }
  return {
    ok: true,
    request: {
      symbol: request.model,
      promptTexts,
      messages: messages.length,
      maxOutputTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
      choices: request.n ?? 1,
      streamed: request.stream === true,
      includeUsage: request.stream_options?.include_usage === true,
      body: withoutBuyer(request, bytes),
    },
  };
}

/** Adds every text of a message that a server may show its model; a refusal when it cannot be served. */
function addTexts(message: Fields, where: string, texts: string[]): RefusedRequest | null {
  for (const [field, value] of Object.entries(message)) {
    if (field === "role" || field === "content" || value === null || value === undefined) continue;
    texts.push(typeof value === "string" ? value : JSON.stringify(value));
  }
  const { content } = message;
  if (content === undefined || content === null) return null;
  if (typeof content === "string") {
    texts.push(content);
    return null;
  }
  if (!Array.isArray(content) || content.length > PARTS_MAX) {
    const expected = `expected a string or a list of at most ${PARTS_MAX} parts like {"type": "text", "text": "…"}`;
    return refuse("validation-error", `${where}.content: ${expected}`, `${where}.content`);
  }
  for (const [index, part] of (content as (Fields | null)[]).entries()) {
    if (part?.type === "text" && typeof part.text === "string") {
      texts.push(part.text);
      continue;
    }
    const param = `${where}.content[${index}]`;
    const got = typeof part?.type === "string" ? `"${part.type.slice(0, 40)}"` : "none";
    return refuse(
      "validation-error",
      `${param}: only parts of type "text" are served, got ${got}; images, audio and files are not traded here`,
      param,
    );
  }
  return null;
}

function refuseShape(value: unknown): RefusedRequest {
  const error = check.Errors(value)[0];
  const path = (error?.instancePath ?? "").split("/").slice(1);
  if (error?.keyword === "required") path.push(missingField(error.params));
  const param = path
    .filter((step) => step !== "")
    .map((step, index) => (/^\d+$/.test(step) ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join("");
  const message = error?.message ?? "does not have the expected form";
  return refuse("validation-error", `${param || "the body"}: ${message}`, param || null);
}

function missingField(params: object): string {
  const { requiredProperties } = params as { requiredProperties?: string[] };
  return requiredProperties?.[0] ?? "";
}

/** Bytes as they came, unless something in them names the buyer: re-encoding costs more than all else. */
function withoutBuyer(request: Fields, bytes: Buffer): Buffer {
  if (!BUYER_FIELDS.some((field) => Object.hasOwn(request, field))) return bytes;
  const clean = { ...request };
  for (const field of BUYER_FIELDS) delete clean[field];
  return Buffer.from(JSON.stringify(clean));
}

function refuse(refusal: Refusal, message: string, param: string | null = null): RefusedRequest {
  return { ok: false, refusal, message, param };
}
