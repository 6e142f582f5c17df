/**
 * The agent's half of the handshake without its socket: what to answer to each message of the
 * exchange. Both signatures are checked before anything is served.
 */
import { randomBytes } from "node:crypto";
import type { ExchangePin } from "#agent/identity.ts";
import type {
  AgentChannelMessage,
  Challenge,
  ExchangeChannelMessage,
  Hello,
  Welcome,
} from "#protocol/link-channel.ts";
import { LINK_VERSION } from "#protocol/link-records.ts";
import {
  type Identity,
  importPublicKey,
  linkTranscript,
  publicKeyProblem,
  verifySignature,
} from "#protocol/signing.ts";
import { LinkRefused } from "./refusal.ts";

export interface ProofOptions {
  nodeName: string;
  /** Needed on first contact only. */
  joinToken: string | null;
  build: string;
  /** The session that the socket is for; none opens a new one. */
  session?: Hello["session"];
}

export interface ProofDependencies {
  identity: Identity;
  pin: ExchangePin;
}

export interface Proof {
  hello: Hello;
  /** What follows from the exchange's next message; throws `LinkRefused` when nothing good does. */
  answer(message: ExchangeChannelMessage): { reply: AgentChannelMessage } | { welcome: Welcome };
}

/** Begins a handshake with a fresh nonce. */
export function createProof(options: ProofOptions, { identity, pin }: ProofDependencies): Proof {
  const hello: Hello = {
    type: "hello",
    versionMin: LINK_VERSION,
    versionMax: LINK_VERSION,
    capabilities: ["credit", "resume"],
    nodePublicKey: identity.publicKey.toString("base64url"),
    nodeName: options.nodeName,
    agentNonce: randomBytes(32).toString("base64url"),
    build: options.build,
    ...(options.joinToken === null ? {} : { joinToken: options.joinToken }),
    ...(options.session === undefined ? {} : { session: options.session }),
  };
  let exchangeKey: string | null = null;

  function answerChallenge(challenge: Challenge): AgentChannelMessage {
    if (challenge.version !== LINK_VERSION) {
      throw new LinkRefused(
        "unsupported-version",
        `the exchange chose link version ${challenge.version}, this agent speaks ${LINK_VERSION}; update the older of the two`,
        false,
      );
    }
    const raw = Buffer.from(challenge.exchangePublicKey, "base64url");
    const problem = publicKeyProblem(raw) ?? pin.problem(challenge.exchangePublicKey);
    if (problem !== null) throw new LinkRefused("wrong-exchange", problem, false);
    const parts = {
      version: challenge.version,
      exchangePublicKey: challenge.exchangePublicKey,
      nodePublicKey: hello.nodePublicKey,
      agentNonce: hello.agentNonce,
      exchangeNonce: challenge.exchangeNonce,
      // The bytes that `encodeJsonRecord` puts on the wire: the same object, the same key order.
      hello: Buffer.from(JSON.stringify(hello)),
    };
    const signature = Buffer.from(challenge.signature, "base64url");
    if (!verifySignature(importPublicKey(raw), linkTranscript("exchange", parts), signature)) {
      throw new LinkRefused(
        "bad-exchange-signature",
        "the exchange's signature over the handshake is not valid: something on the way answers in its name",
        false,
      );
    }
    exchangeKey = challenge.exchangePublicKey;
    const own = identity.sign(linkTranscript("node", parts));
    return { type: "auth", signature: own.toString("base64url") };
  }

  return {
    hello,
    answer(message) {
      if (message.type === "refused") {
        const { code, message: text, retryable, retryAfterMs } = message;
        throw new LinkRefused(code, text, retryable, retryAfterMs);
      }
      if (message.type === "challenge" && exchangeKey === null) {
        return { reply: answerChallenge(message) };
      }
      if (message.type === "welcome" && exchangeKey !== null) {
        pin.remember(exchangeKey);
        return { welcome: message };
      }
      throw new LinkRefused("protocol", `${message.type} out of turn in the handshake`, true);
    },
  };
}
