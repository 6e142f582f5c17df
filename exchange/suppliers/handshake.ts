/**
 * Opening a link: version, who the exchange is, who the node is. A known key links at once; an
 * unknown one needs a join token, and is enrolled before it is welcomed.
 */
import { randomBytes } from "node:crypto";
import type { Shell } from "#exchange/shell.ts";
import type { Auth, Challenge, Hello, Refused } from "#protocol/link-channel.ts";
import { LINK_VERSION } from "#protocol/link-records.ts";
import {
  type Identity,
  importPublicKey,
  linkTranscript,
  publicKeyProblem,
  secretHash,
  verifySignature,
} from "#protocol/signing.ts";

export const LINK_CAPABILITIES = ["credit", "resume"];

export type Refusal = { ok: false; refused: Refused };
export type Enrolled = { ok: true; node: number; account: number };

function refuse(code: string, message: string, retryable = false): Refusal {
  return { ok: false, refused: { type: "refused", code, message, retryable } };
}

/** A handshake that waits for the agent's signature. */
export interface PendingHandshake {
  ok: true;
  challenge: Challenge;
  /** Checks the signature, and enrols the node when it is new. */
  finish(auth: Auth): Promise<Enrolled | Refusal>;
}

/** Answers a hello with the exchange's signed challenge. `helloBytes` are the payload as it came. */
export function beginHandshake(
  hello: Hello,
  helloBytes: Uint8Array,
  { identity, shell }: { identity: Identity; shell: Shell },
): PendingHandshake | Refusal {
  if (hello.versionMin > LINK_VERSION || hello.versionMax < LINK_VERSION) {
    return refuse(
      "unsupported-version",
      `this exchange speaks link version ${LINK_VERSION}, the agent ${hello.versionMin} to ${hello.versionMax}; update the agent`,
    );
  }
  const nodeKey = Buffer.from(hello.nodePublicKey, "base64url");
  const problem = publicKeyProblem(nodeKey);
  if (problem !== null) return refuse("bad-key", `the node's key is refused: ${problem}`);
  const known = shell.state.nodesByKey.has(hello.nodePublicKey);
  if (!known && hello.joinToken === undefined) {
    return refuse(
      "node-not-enrolled",
      "this node's key is not enrolled; start the agent with a join token from the exchange's operator",
    );
  }
  const parts = {
    version: LINK_VERSION,
    exchangePublicKey: identity.publicKey.toString("base64url"),
    nodePublicKey: hello.nodePublicKey,
    agentNonce: hello.agentNonce,
    exchangeNonce: randomBytes(32).toString("base64url"),
    hello: Uint8Array.from(helloBytes),
  };
  return {
    ok: true,
    challenge: {
      type: "challenge",
      version: LINK_VERSION,
      capabilities: hello.capabilities.filter((name) => LINK_CAPABILITIES.includes(name)),
      exchangePublicKey: parts.exchangePublicKey,
      exchangeNonce: parts.exchangeNonce,
      signature: identity.sign(linkTranscript("exchange", parts)).toString("base64url"),
    },
    async finish(auth) {
      const signature = Buffer.from(auth.signature, "base64url");
      const text = linkTranscript("node", parts);
      if (!verifySignature(importPublicKey(nodeKey), text, signature)) {
        return refuse("bad-signature", "the signature is not the node key's over this handshake");
      }
      return known ? enrolled(shell, hello.nodePublicKey) : enrol(shell, hello);
    },
  };
}

function enrolled(shell: Shell, publicKey: string): Enrolled | Refusal {
  const node = shell.state.nodes.get(shell.state.nodesByKey.get(publicKey) ?? -1);
  if (node === undefined) return refuse("node-not-enrolled", "the node is no longer enrolled");
  return { ok: true, node: node.number, account: node.account };
}

async function enrol(shell: Shell, hello: Hello): Promise<Enrolled | Refusal> {
  const outcome = await shell.execute({
    type: "enrol-node",
    tokenHash: secretHash(hello.joinToken ?? ""),
    publicKey: hello.nodePublicKey,
    name: hello.nodeName,
  });
  if (outcome.ok) return { ok: true, ...outcome.result };
  const { code, message } = outcome.rejection;
  return refuse(code, message, code === "overloaded");
}
