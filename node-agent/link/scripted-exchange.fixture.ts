/**
 * A scripted exchange for tests: a real WebSocket server that speaks the link by the protocol's
 * definitions alone, and misbehaves on request.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { decodeAgentChannel, type ExchangeChannelMessage } from "#protocol/link-channel.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  LINK_SUBPROTOCOL,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import {
  createIdentity,
  createJoinToken,
  type Identity,
  importPublicKey,
  linkTranscript,
  verifySignature,
} from "#protocol/signing.ts";
import { eventually, INSTRUMENT, ScriptedLink } from "./scripted-link.fixture.ts";

export { eventually, ScriptedLink } from "./scripted-link.fixture.ts";

export interface Script {
  /** Signs the challenge with another key than the one it shows. */
  forgesSignature?: boolean;
  version?: number;
  refuses?: { code: string; message: string; retryable: boolean };
  /** Says nothing after the hello. */
  stallsHandshake?: boolean;
  heartbeatMs?: number;
  resumeMs?: number;
  /** Takes sockets for the sessions that it knows; else spare ones wait for ever, and others get a new session. */
  resumes?: boolean;
  /** Sent in the same WebSocket message as the welcome. */
  behindWelcome?: Buffer[];
}

export interface ScriptedExchange {
  url: string;
  identity: Identity;
  joinToken: string;
  script: Script;
  /** Main sockets that said hello, welcomed or not. */
  readonly dialled: number;
  /** The nth link that was welcomed, from 0. */
  link(index: number): Promise<ScriptedLink>;
  /** Runs for every link before its welcome leaves. */
  onLink(handler: (link: ScriptedLink) => void): void;
  close(): Promise<void>;
}

/** Starts an exchange on a free port of 127.0.0.1. */
export async function startScriptedExchange(script: Script = {}): Promise<ScriptedExchange> {
  const identity = createIdentity();
  const links: ScriptedLink[] = [];
  let dialled = 0;
  let sessions = 0;
  let onLink: (link: ScriptedLink) => void = () => {};
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    path: "/link/v1",
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  });

  const exchange: ScriptedExchange = {
    url: "",
    identity,
    joinToken: createJoinToken(identity.publicKey),
    script,
    get dialled() {
      return dialled;
    },
    link: (index) => eventually(`link ${index}`, () => links[index]),
    onLink(handler) {
      onLink = handler;
    },
    close() {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };

  async function shakeHands(socket: WebSocket): Promise<void> {
    const next = async () => {
      const [data] = (await once(socket, "message")) as [Buffer];
      const [record] = decodeRecords(data);
      const decoded = decodeAgentChannel((record as LinkRecord).payload);
      if (!decoded.ok) throw new Error(decoded.reason);
      return { message: decoded.message, payload: Buffer.from((record as LinkRecord).payload) };
    };
    const { message: hello, payload } = await next();
    if (hello.type !== "hello") throw new Error(`${hello.type} instead of hello`);
    const { script } = exchange;
    const known = links.find(({ sessionId }) => script.resumes && sessionId === hello.session?.id);
    if (hello.session?.onlyThis !== true) dialled += 1;
    else if (known === undefined) return;
    if (script.stallsHandshake) return;
    if (script.refuses !== undefined) {
      socket.send(
        encodeJsonRecord(RecordType.channel, 0, 0, { type: "refused", ...script.refuses }),
      );
      socket.close(4403, script.refuses.code);
      return;
    }
    const parts = {
      version: script.version ?? 1,
      exchangePublicKey: identity.publicKey.toString("base64url"),
      nodePublicKey: hello.nodePublicKey,
      agentNonce: hello.agentNonce,
      exchangeNonce: Buffer.alloc(32, dialled).toString("base64url"),
      hello: payload,
    };
    const signer = script.forgesSignature ? createIdentity() : identity;
    const signature = signer.sign(linkTranscript("exchange", parts)).toString("base64url");
    const { version, exchangePublicKey, exchangeNonce } = parts;
    const capabilities: string[] = [];
    const challenge = {
      type: "challenge",
      version,
      capabilities,
      exchangePublicKey,
      exchangeNonce,
    };
    socket.send(encodeJsonRecord(RecordType.channel, 0, 0, { ...challenge, signature }));
    const { message: auth } = await next();
    if (auth.type !== "auth") throw new Error(`${auth.type} instead of auth`);
    const nodeKey = importPublicKey(Buffer.from(hello.nodePublicKey, "base64url"));
    const signed = Buffer.from(auth.signature, "base64url");
    if (!verifySignature(nodeKey, linkTranscript("node", parts), signed)) {
      throw new Error("the agent's signature is not valid");
    }
    sessions += known === undefined ? 1 : 0;
    const welcome: ExchangeChannelMessage = {
      type: "welcome",
      nodeId: "node-1",
      accountId: "account-1",
      sessionId: known?.sessionId ?? `session-${sessions}`,
      epoch: sessions,
      heartbeatMs: script.heartbeatMs ?? 10_000,
      resumeMs: script.resumeMs ?? 5_000,
      nowMs: 0,
      instruments: [INSTRUMENT],
    };
    const first = encodeJsonRecord(RecordType.channel, 0, 0, welcome);
    if (known !== undefined) {
      socket.send(first);
      known.join(socket);
      return;
    }
    const link = new ScriptedLink(hello, welcome.sessionId);
    link.join(socket);
    onLink(link);
    links.push(link);
    socket.send(Buffer.concat([first, ...(script.behindWelcome ?? [])]));
  }

  server.on("connection", (socket) => {
    socket.on("error", () => {});
    shakeHands(socket).catch((error: Error) => socket.close(4400, error.message.slice(0, 100)));
  });
  await once(server, "listening");
  exchange.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return exchange;
}
