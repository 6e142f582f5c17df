/**
 * The supplier link's session messages: the JSON control messages on stream 0 and the JSON heads and
 * ends of a delivery's stream. One schema per message; both sides validate with the same compiled
 * checks. Unknown fields are ignored, so that a newer side may add some. What concerns one socket
 * alone, the handshake first of all, is in link-channel.ts.
 */
import { type Static, Type } from "typebox";
import { decoder } from "./link-decoder.ts";

const Text = (maxLength: number) => Type.String({ maxLength });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Decimal = Type.String({ pattern: "^[0-9]{1,12}(\\.[0-9]{1,8})?$" });

/** One line of a file, at the agent's. */
const AttemptId = Type.String({ pattern: "^[A-Za-z0-9._:-]{1,80}$" });

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
  /** Empty while the node can serve nothing. */
  instruments: Type.Array(
    Type.Object({
      symbol: Text(32),
      capacityTokensPerWindow: Count,
      measurement: MeasurementSchema,
    }),
    { maxItems: 64 },
  ),
});

/** Attempts that one `running` may list; more go into a further one. */
export const RUNNING_ATTEMPTS_MAX = 512;

/**
 * Agent, after the session moved to another socket: what it still works on. `received` is how many
 * of the exchange's records it had taken when it looked: an attempt opened later is not meant. With
 * `more` the list goes on in the next message.
 */
export const RunningSchema = Type.Object({
  type: Type.Literal("running"),
  received: Count,
  attempts: Type.Array(AttemptId, { maxItems: RUNNING_ATTEMPTS_MAX }),
  more: Type.Boolean(),
});

/** Exchange: its verdict on each attempt that a `running` listed. */
export const ReconciledSchema = Type.Object({
  type: Type.Literal("reconciled"),
  keep: Type.Array(AttemptId, { maxItems: RUNNING_ATTEMPTS_MAX }),
  cancel: Type.Array(AttemptId, { maxItems: RUNNING_ATTEMPTS_MAX }),
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

/** Agent: no new deliveries please; what runs is finished until the deadline, from now. */
export const DrainSchema = Type.Object({
  type: Type.Literal("drain"),
  reason: Text(200),
  deadlineMs: Count,
});

/** Exchange: nothing new comes; so many deliveries are open. */
export const DrainingSchema = Type.Object({ type: Type.Literal("draining"), open: Count });

/**
 * Exchange: it goes. Nothing new comes over this session; what runs may end until the deadline.
 * Then the agent closes and links again, not before `reconnectMs` and at most twice that, drawn.
 */
export const GoAwaySchema = Type.Object({
  type: Type.Literal("go-away"),
  reason: Text(200),
  deadlineMs: Count,
  reconnectMs: Count,
});

/** Exchange: a fill of one of the supplier's asks. */
export const FillSchema = Type.Object({
  type: Type.Literal("fill"),
  orderId: Text(80),
  symbol: Text(32),
  price: Decimal,
  quantity: Decimal,
});

export const FromAgentSchema = Type.Union([SupplySchema, CallSchema, DrainSchema, RunningSchema]);
export const FromExchangeSchema = Type.Union([
  ReplySchema,
  DrainingSchema,
  GoAwaySchema,
  ReconciledSchema,
  FillSchema,
]);

/** Opens a stream: one attempt at a delivery. `attemptId` is random and says nothing of the buyer. */
export const RequestHeadSchema = Type.Object({
  attemptId: AttemptId,
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
  "duplicate-attempt",
] as const;

/** Closes a stream that failed. `status` is the backend's HTTP status where there was one. */
export const DeliveryErrorSchema = Type.Object({
  code: Type.Enum([...DELIVERY_ERROR_CODES]),
  message: Text(1000),
  status: Type.Union([Type.Integer({ minimum: 100, maximum: 599 }), Type.Null()]),
});

export type Supply = Static<typeof SupplySchema>;
export type Measurement = Static<typeof MeasurementSchema>;
export type Call = Static<typeof CallSchema>;
export type Reply = Static<typeof ReplySchema>;
export type Running = Static<typeof RunningSchema>;
export type Reconciled = Static<typeof ReconciledSchema>;
export type GoAway = Static<typeof GoAwaySchema>;
export type Drain = Static<typeof DrainSchema>;
export type Fill = Static<typeof FillSchema>;
export type FromAgent = Static<typeof FromAgentSchema>;
export type FromExchange = Static<typeof FromExchangeSchema>;
export type RequestHead = Static<typeof RequestHeadSchema>;
export type DeliveryEnd = Static<typeof DeliveryEndSchema>;
export type DeliveryError = Static<typeof DeliveryErrorSchema>;
export type DeliveryErrorCode = DeliveryError["code"];

export const decodeFromAgent = decoder(FromAgentSchema);
export const decodeFromExchange = decoder(FromExchangeSchema);
export const decodeRequestHead = decoder(RequestHeadSchema);
export const decodeDeliveryEnd = decoder(DeliveryEndSchema);
export const decodeDeliveryError = decoder(DeliveryErrorSchema);
