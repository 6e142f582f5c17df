/**
 * The supplier link's messages: the JSON control messages on stream 0 and the JSON heads and ends of
 * a delivery's stream. One schema per message; both sides validate with the same compiled checks.
 * Unknown fields are ignored, so that a newer side may add some.
 *
 * Handshake: agent `hello` → exchange `challenge` (signed) → agent `auth` (signed) → exchange
 * `welcome`, or `refused` at any point. Then the agent sends `supply` and calls.
 */
import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { InstrumentSchema } from "./instrument.ts";

const Text = (maxLength: number) => Type.String({ maxLength });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** 32 bytes as base64url without padding. */
const Bytes32 = Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" });
/** An Ed25519 signature as base64url without padding. */
const SignatureText = Type.String({ pattern: "^[A-Za-z0-9_-]{86}$" });
const Decimal = Type.String({ pattern: "^[0-9]{1,12}(\\.[0-9]{1,8})?$" });

/** Agent: who I am and what I speak. `joinToken` only on first contact. */
export const HelloSchema = Type.Object({
  type: Type.Literal("hello"),
  versionMin: Count,
  versionMax: Count,
  capabilities: Type.Array(Text(40), { maxItems: 32 }),
  nodePublicKey: Bytes32,
  nodeName: Text(64),
  joinToken: Type.Optional(Text(128)),
  agentNonce: Bytes32,
  build: Text(64),
});

/** Exchange: the version chosen, a nonce, and its signature over `linkTranscript("exchange", …)`. */
export const ChallengeSchema = Type.Object({
  type: Type.Literal("challenge"),
  version: Count,
  capabilities: Type.Array(Text(40), { maxItems: 32 }),
  exchangePublicKey: Bytes32,
  exchangeNonce: Bytes32,
  signature: SignatureText,
});

/** Agent: its signature over `linkTranscript("node", …)`. */
export const AuthSchema = Type.Object({ type: Type.Literal("auth"), signature: SignatureText });

/** Exchange: the session is open. */
export const WelcomeSchema = Type.Object({
  type: Type.Literal("welcome"),
  nodeId: Text(80),
  accountId: Text(80),
  sessionId: Text(80),
  heartbeatMs: Count,
  nowMs: Count,
  instruments: Type.Array(InstrumentSchema, { maxItems: 256 }),
});

/** Exchange: no session; the socket closes after this. */
export const RefusedSchema = Type.Object({
  type: Type.Literal("refused"),
  code: Text(64),
  message: Text(500),
  retryable: Type.Boolean(),
});

/** What the agent measured on its own backend; figures in reference tokens and milliseconds. */
export const MeasurementSchema = Type.Object({
  requests: Count,
  errors: Count,
  firstTokenMsP50: Type.Number({ minimum: 0 }),
  tokensPerSecondP50: Type.Number({ minimum: 0 }),
});

/** Agent: what this node can serve now. Replaces the previous `supply` of the session. */
export const SupplySchema = Type.Object({
  type: Type.Literal("supply"),
  /** Deliveries served at the same time. */
  slots: Type.Integer({ minimum: 1, maximum: 4096 }),
  instruments: Type.Array(
    Type.Object({
      symbol: Text(32),
      capacityTokensPerWindow: Count,
      measurement: MeasurementSchema,
    }),
    { maxItems: 64 },
  ),
});

/** Agent: call a method; the exchange answers with `reply` and the same id. */
export const CallSchema = Type.Union([
  Type.Object({
    type: Type.Literal("call"),
    id: Count,
    method: Type.Literal("place-ask"),
    params: Type.Object({
      symbol: Text(32),
      /** Dollars per Unit. */
      price: Decimal,
      /** Units. */
      quantity: Decimal,
      clientOrderId: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9._:-]{1,64}$" })),
    }),
  }),
  Type.Object({
    type: Type.Literal("call"),
    id: Count,
    method: Type.Literal("cancel-ask"),
    params: Type.Object({ orderId: Text(80) }),
  }),
  Type.Object({
    type: Type.Literal("call"),
    id: Count,
    method: Type.Literal("list-asks"),
    params: Type.Object({}),
  }),
  Type.Object({
    type: Type.Literal("call"),
    id: Count,
    method: Type.Literal("market"),
    params: Type.Object({ symbol: Text(32) }),
  }),
]);

/** An ask of this supplier as `list-asks` and `place-ask` return it. */
export interface AskView {
  orderId: string;
  clientOrderId: string | null;
  symbol: string;
  price: string;
  quantity: string;
  remaining: string;
  status: string;
}

/** The top of a book as `market` returns it; null where there is none. */
export interface MarketView {
  symbol: string;
  bid: string | null;
  ask: string | null;
  last: string | null;
}

export const ReplySchema = Type.Object({
  type: Type.Literal("reply"),
  id: Count,
  ok: Type.Boolean(),
  result: Type.Optional(Type.Unknown()),
  error: Type.Optional(
    Type.Object({
      code: Text(64),
      message: Text(1000),
      /** Figures of the refusal, e.g. `allowed` Units of `capacity-exceeded`. */
      details: Type.Optional(
        Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
      ),
    }),
  ),
});

/** Both ways, every `heartbeatMs`; any record counts as a sign of life. */
export const PingSchema = Type.Object({
  type: Type.Literal("ping"),
  sentAtMs: Type.Number(),
  active: Count,
});
export const PongSchema = Type.Object({ type: Type.Literal("pong"), sentAtMs: Type.Number() });

/** Agent: no new deliveries please; what runs is finished. Exchange: the same, before it stops. */
export const DrainSchema = Type.Object({
  type: Type.Literal("drain"),
  reason: Text(200),
  deadlineMs: Count,
});

/** Exchange: a fill of one of the supplier's asks. */
export const FillSchema = Type.Object({
  type: Type.Literal("fill"),
  orderId: Text(80),
  symbol: Text(32),
  price: Decimal,
  quantity: Decimal,
});

export const FromAgentSchema = Type.Union([
  HelloSchema,
  AuthSchema,
  SupplySchema,
  CallSchema,
  PingSchema,
  PongSchema,
  DrainSchema,
]);
export const FromExchangeSchema = Type.Union([
  ChallengeSchema,
  WelcomeSchema,
  RefusedSchema,
  ReplySchema,
  PingSchema,
  PongSchema,
  DrainSchema,
  FillSchema,
]);

/** Opens a stream: one attempt at a delivery. `attemptId` is random and says nothing of the buyer. */
export const RequestHeadSchema = Type.Object({
  attemptId: Text(80),
  symbol: Text(32),
  path: Type.Literal("/v1/chat/completions"),
  streamed: Type.Boolean(),
  maxOutputTokens: Type.Integer({ minimum: 1 }),
  bodyBytes: Count,
  /** Time the exchange waits for the first record, from dispatch. */
  firstTokenTimeoutMs: Count,
  creditBytes: Count,
});

/** Closes a stream that worked. `outputSha256` is of the UTF-8 bytes of all delta text (or the body). */
export const DeliveryEndSchema = Type.Object({
  finishReason: Type.Union([Text(40), Type.Null()]),
  reportedPromptTokens: Type.Union([Count, Type.Null()]),
  reportedCompletionTokens: Type.Union([Count, Type.Null()]),
  outputBytes: Count,
  outputSha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
});

export const DELIVERY_ERROR_CODES = [
  "busy",
  "backend-unreachable",
  "backend-refused",
  "backend-failed",
  "backend-stream-broken",
  "timeout",
  "cancelled",
  "bad-request",
] as const;

/** Closes a stream that failed. `status` is the backend's HTTP status where there was one. */
export const DeliveryErrorSchema = Type.Object({
  code: Type.Enum([...DELIVERY_ERROR_CODES]),
  message: Text(1000),
  status: Type.Union([Type.Integer({ minimum: 100, maximum: 599 }), Type.Null()]),
});

export type Hello = Static<typeof HelloSchema>;
export type Challenge = Static<typeof ChallengeSchema>;
export type Auth = Static<typeof AuthSchema>;
export type Welcome = Static<typeof WelcomeSchema>;
export type Refused = Static<typeof RefusedSchema>;
export type Supply = Static<typeof SupplySchema>;
export type Measurement = Static<typeof MeasurementSchema>;
export type Call = Static<typeof CallSchema>;
export type Reply = Static<typeof ReplySchema>;
export type Drain = Static<typeof DrainSchema>;
export type Fill = Static<typeof FillSchema>;
export type FromAgent = Static<typeof FromAgentSchema>;
export type FromExchange = Static<typeof FromExchangeSchema>;
export type RequestHead = Static<typeof RequestHeadSchema>;
export type DeliveryEnd = Static<typeof DeliveryEndSchema>;
export type DeliveryError = Static<typeof DeliveryErrorSchema>;
export type DeliveryErrorCode = DeliveryError["code"];

/** Outcome of reading a JSON payload: the message, or a sentence that says what was expected. */
export type Decoded<T> = { ok: true; message: T } | { ok: false; reason: string };

function decoder<S extends TSchema>(schema: S): (payload: Uint8Array) => Decoded<Static<S>> {
  const check = Compile(schema);
  return (payload) => {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(payload).toString("utf8"));
    } catch {
      return { ok: false, reason: "the payload is not JSON" };
    }
    if (check.Check(value)) return { ok: true, message: value as Static<S> };
    const first = check.Errors(value)[0];
    const kind = (value as { type?: unknown } | null)?.type;
    return {
      ok: false,
      reason: `message ${JSON.stringify(kind ?? null)}: ${first?.instancePath || "/"} ${first?.message ?? "does not match"}`,
    };
  };
}

export const decodeFromAgent = decoder(FromAgentSchema);
export const decodeFromExchange = decoder(FromExchangeSchema);
export const decodeRequestHead = decoder(RequestHeadSchema);
export const decodeDeliveryEnd = decoder(DeliveryEndSchema);
export const decodeDeliveryError = decoder(DeliveryErrorSchema);
