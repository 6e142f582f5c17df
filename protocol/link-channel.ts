/**
 * What the two ends of one socket say to each other as JSON, apart from the session that it may carry:
 * the handshake, the heartbeat, and the move of the session to this socket. These records are neither
 * counted nor sent again.
 *
 * Handshake: agent `hello` → exchange `challenge` (signed) → agent `auth` (signed) → exchange
 * `welcome`, or `refused` at any point. Then the socket stands by; agent `attach` → exchange
 * `attached` moves the session onto it.
 */
import { type Static, Type } from "typebox";
import { InstrumentSchema } from "./instrument.ts";
import { decoder } from "./link-decoder.ts";

const Text = (maxLength: number) => Type.String({ maxLength });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** 32 bytes as base64url without padding. */
const Bytes32 = Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" });
/** An Ed25519 signature as base64url without padding. */
const SignatureText = Type.String({ pattern: "^[A-Za-z0-9_-]{86}$" });

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
  /**
   * The session that this socket is for. Unknown to the exchange, a new one is opened in its place,
   * unless `onlyThis` says that this socket is no use without it. Without `session` a new one is
   * opened, and the node's former one ends.
   */
  session: Type.Optional(Type.Object({ id: Text(80), epoch: Count, onlyThis: Type.Boolean() })),
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

/** Exchange: the socket belongs to this session, which is the one that the hello named or a new one. */
export const WelcomeSchema = Type.Object({
  type: Type.Literal("welcome"),
  nodeId: Text(80),
  accountId: Text(80),
  sessionId: Text(80),
  /** Grows with every session of the node; the highest is the live one. */
  epoch: Count,
  heartbeatMs: Count,
  /** How long a session outlives its last socket. */
  resumeMs: Count,
  nowMs: Count,
  instruments: Type.Array(InstrumentSchema, { maxItems: 256 }),
});

/** Exchange: no link; the socket closes after this. */
export const RefusedSchema = Type.Object({
  type: Type.Literal("refused"),
  code: Text(64),
  message: Text(500),
  retryable: Type.Boolean(),
  /** Where it is known when trying again may help. */
  retryAfterMs: Type.Optional(Count),
});

/** Agent: the session goes on over this socket. `received` records of the exchange's were taken so far. */
export const AttachSchema = Type.Object({ type: Type.Literal("attach"), received: Count });
/** Exchange: it does; `received` of the agent's were taken. Both send what the other lacks, then go on. */
export const AttachedSchema = Type.Object({ type: Type.Literal("attached"), received: Count });

/** Both ways, every `heartbeatMs`; any record counts as a sign of life. */
export const PingSchema = Type.Object({
  type: Type.Literal("ping"),
  /** On the sender's monotonic clock; comes back in the pong. */
  sentAtMs: Type.Number(),
  /** Deliveries that are open. */
  active: Count,
});
export const PongSchema = Type.Object({ type: Type.Literal("pong"), sentAtMs: Type.Number() });

export const AgentChannelSchema = Type.Union([
  HelloSchema,
  AuthSchema,
  AttachSchema,
  PingSchema,
  PongSchema,
]);
export const ExchangeChannelSchema = Type.Union([
  ChallengeSchema,
  WelcomeSchema,
  RefusedSchema,
  AttachedSchema,
  PingSchema,
  PongSchema,
]);

export type Hello = Static<typeof HelloSchema>;
export type Challenge = Static<typeof ChallengeSchema>;
export type Auth = Static<typeof AuthSchema>;
export type Welcome = Static<typeof WelcomeSchema>;
export type Refused = Static<typeof RefusedSchema>;
export type Ping = Static<typeof PingSchema>;
export type AgentChannelMessage = Static<typeof AgentChannelSchema>;
export type ExchangeChannelMessage = Static<typeof ExchangeChannelSchema>;

export const decodeAgentChannel = decoder(AgentChannelSchema);
export const decodeExchangeChannel = decoder(ExchangeChannelSchema);

/** Close codes of the link, in the range that applications may use. */
export const LINK_CLOSE = {
  /** The peer broke the protocol. */
  protocol: 4400,
  refused: 4403,
  /** Nothing was heard for too long. */
  silent: 4408,
  /** A newer session of the same node took over. */
  replaced: 4409,
  /** More records or bytes than a link may carry. */
  flood: 4429,
  /** Another socket carries the session now. */
  detached: 4410,
  /** A fault of the closing side's own. */
  internal: 4500,
} as const;

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of them the close code. */
const CLOSE_REASON_BYTES_MAX = 123;

/** Cuts a text to what a close frame may carry, between characters: ws throws on more. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= CLOSE_REASON_BYTES_MAX) return text;
  let end = CLOSE_REASON_BYTES_MAX;
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString("utf8");
}
