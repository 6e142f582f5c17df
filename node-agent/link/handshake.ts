/** Opening a link from the agent's side: both signatures are checked before anything is served. */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { ExchangePin } from "#agent/identity.ts";
import {
  decodeFromExchange,
  type FromAgent,
  type FromExchange,
  type Hello,
  type Welcome,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  LINK_MESSAGE_BYTES_MAX,
  LINK_SUBPROTOCOL,
  LINK_VERSION,
  RecordType,
} from "#protocol/link-records.ts";
import {
  type Identity,
  importPublicKey,
  linkTranscript,
  verifySignature,
} from "#protocol/signing.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface LinkOptions {
  /** ws:// or wss://, without a path. */
  exchangeUrl: string;
  nodeName: string;
  joinToken: string | null;
  build: string;
}

/** Why no link came about. */
export class LinkRefused extends Error {
  readonly code: string;
  /** False: trying again cannot help. */
  readonly retryable: boolean;

  constructor(code: string, message: string, retryable: boolean) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

export interface OpenLink {
  socket: WebSocket;
  welcome: Welcome;
  sequences: { sent: number; received: number };
}

/** Connects and proves both sides; throws `LinkRefused` or a socket error. */
export function openLink(
  options: LinkOptions,
  { identity, pin }: { identity: Identity; pin: ExchangePin },
): Promise<OpenLink> {
  const url = `${options.exchangeUrl.replace(/\/$/, "")}/link/v1`;
  const socket = new WebSocket(url, LINK_SUBPROTOCOL, {
    perMessageDeflate: false,
    maxPayload: LINK_MESSAGE_BYTES_MAX,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  const nodePublicKey = identity.publicKey.toString("base64url");
  const hello: Hello = {
    type: "hello",
    versionMin: LINK_VERSION,
    versionMax: LINK_VERSION,
    capabilities: ["credit"],
    nodePublicKey,
    nodeName: options.nodeName,
    agentNonce: randomBytes(32).toString("base64url"),
    build: options.build,
    ...(options.joinToken === null ? {} : { joinToken: options.joinToken }),
  };
  return new Promise((resolve, reject) => {
    let sent = 0;
    let received = 0;
    let exchangeKey = "";
    const timer = setTimeout(() => {
      fail(new LinkRefused("timeout", "the exchange did not finish the handshake", true));
    }, HANDSHAKE_TIMEOUT_MS);
    const send = (message: FromAgent) => {
      socket.send(encodeJsonRecord(RecordType.control, 0, sent, message));
      sent += 1;
    };
    function fail(error: Error): void {
      clearTimeout(timer);
      socket.terminate();
      reject(error);
    }

    function receive(message: FromExchange): void {
      if (message.type === "refused") {
        fail(new LinkRefused(message.code, message.message, message.retryable));
      } else if (message.type === "challenge") {
        const parts = {
          version: message.version,
          exchangePublicKey: message.exchangePublicKey,
          nodePublicKey,
          agentNonce: hello.agentNonce,
          exchangeNonce: message.exchangeNonce,
          hello: Buffer.from(JSON.stringify(hello)),
        };
        const problem =
          message.version === LINK_VERSION
            ? pin.problem(message.exchangePublicKey)
            : `the exchange chose link version ${message.version}, this agent speaks ${LINK_VERSION}`;
        const key = importPublicKey(Buffer.from(message.exchangePublicKey, "base64url"));
        const signature = Buffer.from(message.signature, "base64url");
        if (problem !== null) fail(new LinkRefused("wrong-exchange", problem, false));
        else if (!verifySignature(key, linkTranscript("exchange", parts), signature)) {
          const text = "the exchange's signature over the handshake is not valid";
          fail(new LinkRefused("bad-exchange-signature", text, false));
        } else {
          exchangeKey = message.exchangePublicKey;
          const own = identity.sign(linkTranscript("node", parts)).toString("base64url");
          send({ type: "auth", signature: own });
        }
      } else if (message.type === "welcome" && exchangeKey !== "") {
        clearTimeout(timer);
        pin.remember(exchangeKey);
        socket.removeAllListeners();
        resolve({ socket, welcome: message, sequences: { sent, received } });
      } else fail(new LinkRefused("protocol", `${message.type} in the handshake`, true));
    }

    socket.on("open", () => send(hello));
    socket.on("error", (error) => fail(error));
    socket.on("close", () => fail(new Error("the exchange closed the socket in the handshake")));
    socket.on("message", (data: Buffer) => {
      try {
        for (const record of decodeRecords(data)) {
          received += 1;
          const decoded = decodeFromExchange(record.payload);
          if (!decoded.ok) throw new Error(decoded.reason);
          receive(decoded.message);
        }
      } catch (error) {
        fail(new LinkRefused("protocol", (error as Error).message, true));
      }
    });
  });
}
