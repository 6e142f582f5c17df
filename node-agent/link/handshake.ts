/** Opening a link from the agent's side: a socket that carries the proof to its end, or a reason why not. */
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import {
  type AgentChannelMessage,
  closeReason,
  decodeExchangeChannel,
  LINK_CLOSE,
  type Welcome,
} from "#protocol/link-channel.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  LINK_MESSAGE_BYTES_MAX,
  LINK_SUBPROTOCOL,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { createProof, type ProofDependencies, type ProofOptions } from "./proof.ts";
import { LinkRefused } from "./refusal.ts";

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A longer wait than this is not taken at its word. */
const RETRY_AFTER_SECONDS_MAX = 300;
/** Records that may come behind the welcome before the session takes over, which is a turn later. */
const EARLY_RECORDS_MAX = 1_024;

export interface LinkOptions extends ProofOptions {
  /** ws:// or wss://, without a path. */
  exchangeUrl: string;
}

export interface OpenLink {
  socket: WebSocket;
  welcome: Welcome;
  /** What came behind the welcome: the session's first records. */
  early: LinkRecord[];
}

/** Connects and proves both sides. Throws `LinkRefused`, or the socket's error. */
export function openLink(
  options: LinkOptions,
  dependencies: ProofDependencies,
  { signal, timeoutMs = HANDSHAKE_TIMEOUT_MS }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<OpenLink> {
  if (signal?.aborted) return Promise.reject(stopped());
  const proof = createProof(options, dependencies);
  const url = `${options.exchangeUrl.replace(/\/$/, "")}/link/v1`;
  const socket = new WebSocket(url, LINK_SUBPROTOCOL, {
    perMessageDeflate: false,
    maxPayload: LINK_MESSAGE_BYTES_MAX,
  });
  return new Promise((resolve, reject) => {
    const early: LinkRecord[] = [];
    let welcome: Welcome | null = null;
    const timer = setTimeout(() => {
      const text = `the exchange did not finish the handshake in ${timeoutMs} ms`;
      fail(new LinkRefused("timeout", text, true));
    }, timeoutMs);
    const onAbort = () => fail(stopped());
    signal?.addEventListener("abort", onAbort);

    function send(message: AgentChannelMessage): void {
      socket.send(encodeJsonRecord(RecordType.channel, 0, 0, message));
    }

    /** The handshake is over, one way or the other; the socket stays without a listener that acts. */
    function leave(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.removeAllListeners();
      socket.on("error", () => {});
    }

    function fail(error: Error): void {
      leave();
      socket.terminate();
      reject(error);
    }

    function take(record: LinkRecord): void {
      if (record.stream !== 0 || record.type !== RecordType.channel) {
        throw new Error(`record type ${record.type} on stream ${record.stream} in the handshake`);
      }
      const decoded = decodeExchangeChannel(record.payload);
      if (!decoded.ok) throw new Error(decoded.reason);
      const next = proof.answer(decoded.message);
      if ("reply" in next) send(next.reply);
      else welcome = next.welcome;
    }

    /** Whoever constructs the session is told a turn later; what comes meanwhile is kept for it. */
    function keep(data: Buffer): void {
      try {
        early.push(...decodeRecords(data));
        if (early.length > EARLY_RECORDS_MAX) throw new Error("nobody takes the link's records");
      } catch (error) {
        socket.close(LINK_CLOSE.protocol, closeReason((error as Error).message));
      }
    }

    socket.on("open", () => send(proof.hello));
    socket.on("unexpected-response", (_request, response) => fail(turnedAway(response)));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the exchange closed the socket in the handshake")));
    socket.on("message", (data: Buffer) => {
      try {
        for (const record of decodeRecords(data)) {
          if (welcome === null) take(record);
          else early.push(record);
        }
      } catch (error) {
        const { message } = error as Error;
        fail(error instanceof LinkRefused ? error : new LinkRefused("protocol", message, true));
        return;
      }
      if (welcome === null) return;
      leave();
      socket.on("message", keep);
      resolve({ socket, welcome, early });
    });
  });
}

/** The exchange has no room for a handshake now, or is not what answers here. */
function turnedAway(response: IncomingMessage): LinkRefused {
  const seconds = Number(response.headers["retry-after"] ?? 0);
  const retryAfterMs = seconds > 0 && seconds <= RETRY_AFTER_SECONDS_MAX ? seconds * 1_000 : 0;
  response.resume();
  return new LinkRefused(
    "turned-away",
    `the exchange answered ${response.statusCode} in place of a link`,
    true,
    retryAfterMs,
  );
}

function stopped(): LinkRefused {
  return new LinkRefused("stopped", "the agent stops", true);
}
