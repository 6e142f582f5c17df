/** Runs one socket through hello, challenge and auth: it is welcome in the end, or gone. */
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import type { Clock } from "#exchange/clock.ts";
import type { Shell } from "#exchange/shell.ts";
import {
  decodeAgentChannel,
  type ExchangeChannelMessage,
  type Hello,
  LINK_CLOSE,
  type Refused,
} from "#protocol/link-channel.ts";
import { decodeRecords, encodeJsonRecord, RecordType } from "#protocol/link-records.ts";
import type { Identity } from "#protocol/signing.ts";
import { beginHandshake, type Enrolled, type PendingHandshake } from "./handshake.ts";
import type { Rate } from "./rate.ts";

const HANDSHAKE_TIMEOUT_MS = 5_000;

export interface HandshakeDependencies {
  shell: Shell;
  identity: Identity;
  clock: Clock;
  log: Logger;
  /** Signatures cost time, and a thousand agents may come back at once. */
  hellos: Rate;
  /** Takes over a socket whose agent proved itself; returns why not, where it does not. */
  welcome(socket: WebSocket, node: Enrolled, session: Hello["session"]): Refused | null;
}

/** Resolves when the socket is welcome or gone. */
export function shakeHands(socket: WebSocket, dependencies: HandshakeDependencies): Promise<void> {
  const { clock, hellos, log } = dependencies;
  return new Promise((done) => {
    let pending: PendingHandshake | null = null;
    let session: Hello["session"];
    const timer = setTimeout(() => socket.terminate(), HANDSHAKE_TIMEOUT_MS);
    const send = (message: ExchangeChannelMessage) =>
      socket.send(encodeJsonRecord(RecordType.channel, 0, 0, message));
    const refuse = (refused: Refused) => {
      log.warn({ code: refused.code }, "link refused");
      send(refused);
      socket.close(LINK_CLOSE.refused, refused.code);
    };
    const violation = (message: string) =>
      refuse({ type: "refused", code: "protocol", message, retryable: false });

    /** False when too many came lately. */
    function admit(): boolean {
      const nowMs = clock.monotonicMs();
      if (hellos.take(1, nowMs)) return true;
      refuse({
        type: "refused",
        code: "overloaded",
        message: "too many agents link at the moment",
        retryable: true,
        retryAfterMs: retryAfterMsOf(hellos, nowMs),
      });
      return false;
    }

    async function receive(data: Buffer): Promise<void> {
      const records = decodeRecords(data);
      const [record] = records;
      if (records.length !== 1 || record === undefined || record.type !== RecordType.channel) {
        violation("expected one channel record");
        return;
      }
      const decoded = decodeAgentChannel(record.payload);
      if (!decoded.ok) violation(decoded.reason);
      else if (decoded.message.type === "hello" && pending === null) {
        if (!admit()) return;
        const begun = beginHandshake(decoded.message, record.payload, dependencies);
        if (!begun.ok) refuse(begun.refused);
        else {
          pending = begun;
          session = decoded.message.session;
          send(begun.challenge);
        }
      } else if (decoded.message.type === "auth" && pending !== null) {
        const finished = await pending.finish(decoded.message);
        if (!finished.ok) refuse(finished.refused);
        else if (socket.readyState === socket.OPEN) handOver(finished);
      } else violation(`${decoded.message.type} in the handshake`);
    }

    function handOver(node: Enrolled): void {
      clearTimeout(timer);
      socket.off("message", onData);
      socket.off("error", onError);
      const refused = dependencies.welcome(socket, node, session);
      if (refused !== null) {
        socket.on("error", onError);
        refuse(refused);
      }
      done();
    }

    const onData = (data: Buffer) => {
      receive(data).catch((error) => violation((error as Error).message));
    };
    const onError = () => socket.terminate();
    socket.on("message", onData);
    socket.on("error", onError);
    socket.once("close", () => {
      clearTimeout(timer);
      done();
    });
  });
}

/** When the next hello may be taken: never so soon that everybody comes at once. */
export function retryAfterMsOf(hellos: Rate, nowMs: number): number {
  return Math.max(1_000, Math.ceil(hellos.waitMs(1, nowMs)));
}
