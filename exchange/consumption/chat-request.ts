/** Reading a chat completion request: parsed once, checked where it decides money, passed on as it came. */
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Refusal } from "#exchange/errors.ts";
import { countReferenceTokens, TOKENS_PER_MESSAGE } from "#protocol/reference-tokens.ts";

const MESSAGES_MAX = 2_000;
const CHOICES_MAX = 8;
const OUTPUT_TOKENS_MAX = 1_000_000;

/** Fields that name the buyer; the supplier never sees them. */
const BUYER_FIELDS = [
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
] as const;

const OutputTokens = Type.Union([
  Type.Integer({ minimum: 1, maximum: OUTPUT_TOKENS_MAX }),
  Type.Null(),
]);
const ChatRequestSchema = Type.Object({
  model: Type.String({ minLength: 1, maxLength: 64 }),
  messages: Type.Array(
    Type.Object({
      role: Type.Enum(["system", "developer", "user", "assistant", "tool"]),
      content: Type.Optional(Type.Unknown()),
    }),
    { minItems: 1, maxItems: MESSAGES_MAX },
  ),
  max_tokens: Type.Optional(OutputTokens),
  max_completion_tokens: Type.Optional(OutputTokens),
  n: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: CHOICES_MAX }), Type.Null()])),
  stream: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  stream_options: Type.Optional(
    Type.Union([Type.Object({ include_usage: Type.Optional(Type.Boolean()) }), Type.Null()]),
  ),
  temperature: Type.Optional(Type.Union([Type.Number({ minimum: 0, maximum: 2 }), Type.Null()])),
  tools: Type.Optional(Type.Array(Type.Object({}), { maxItems: 128 })),
});
const check = Compile(ChatRequestSchema);

/** What the exchange needs of a request; token counts are in reference tokens. */
export interface ChatRequest {
  symbol: string;
  promptTokens: number;
  /** Per choice; null when the request names none. */
  maxOutputTokens: number | null;
  choices: number;
  streamed: boolean;
  includeUsage: boolean;
  /** What goes to the supplier. */
  body: Buffer;
}

export type ReadRequest =
  | { ok: true; request: ChatRequest }
  | { ok: false; refusal: Refusal; message: string; param: string | null };

interface Message {
  role: string;
  content?: unknown;
  tool_calls?: unknown;
}

/** Reads a request's bytes. `knows` says which instruments exist. */
export function readChatRequest(bytes: Buffer, knows: (symbol: string) => boolean): ReadRequest {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return refuse("malformed-json", `the body is not JSON: ${(error as Error).message}`);
  }
  if (!check.Check(value)) {
    const error = check.Errors(value)[0];
    const param = (error?.instancePath ?? "").slice(1).replaceAll("/", ".") || null;
    return refuse("validation-error", `${param ?? "the body"} ${error?.message}`, param);
  }
  if (Object.hasOwn(value as object, "__proto__")) {
    return refuse("validation-error", "__proto__ is no parameter", "__proto__");
  }
  if (!knows(value.model)) {
    const message = `no instrument "${value.model}"; GET /v1/models lists what is traded`;
    return refuse("instrument-not-found", message, "model");
  }
  const texts: string[] = [];
  for (const [index, message] of (value.messages as Message[]).entries()) {
    const text = textOf(message);
    if (text === null) {
      const message = 'content must be a string or a list of {type: "text", text} parts';
      return refuse("validation-error", message, `messages.${index}.content`);
    }
    texts.push(text);
  }
  const request = value as Record<string, unknown> & typeof value;
  const { tools } = request;
  const promptTokens =
    countReferenceTokens(texts.join("\n")) +
    texts.length * TOKENS_PER_MESSAGE +
    (tools === undefined ? 0 : countReferenceTokens(JSON.stringify(tools)));
  return {
    ok: true,
    request: {
      symbol: request.model,
      promptTokens,
      maxOutputTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
      choices: request.n ?? 1,
      streamed: request.stream === true,
      includeUsage: request.stream_options?.include_usage === true,
      body: withoutBuyer(request, bytes),
    },
  };
}

/** The text of a message, tool calls included; null when it holds what cannot be served. */
function textOf(message: Message): string | null {
  const calls = message.tool_calls === undefined ? "" : JSON.stringify(message.tool_calls);
  const { content } = message;
  if (content === undefined || content === null) return calls;
  if (typeof content === "string") return content + calls;
  if (!Array.isArray(content)) return null;
  let text = "";
  for (const part of content as { type?: unknown; text?: unknown }[]) {
    if (part?.type !== "text" || typeof part.text !== "string") return null;
    text += part.text;
  }
  return text + calls;
}

/** Bytes as they came, unless something in them names the buyer: re-encoding costs more than all else. */
function withoutBuyer(request: Record<string, unknown>, bytes: Buffer): Buffer {
  if (!BUYER_FIELDS.some((field) => field in request)) return bytes;
  const clean = { ...request };
  for (const field of BUYER_FIELDS) delete clean[field];
  return Buffer.from(JSON.stringify(clean));
}

function refuse(refusal: Refusal, message: string, param: string | null = null): ReadRequest {
  return { ok: false, refusal, message, param };
}
