/**
 * The door for agents: `/link/v1` upgraded to the link's subprotocol. Nothing is trusted before the
 * handshake is through; one live session per node, a new one replaces the old.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "#exchange/clock.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import {
  decodeFromAgent,
  type FromAgent,
  type FromExchange,
  type Refused,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  LINK_MESSAGE_BYTES_MAX,
  LINK_SUBPROTOCOL,
  RecordType,
} from "#protocol/link-records.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { Identity } from "#protocol/signing.ts";
import { answerCall } from "./calls.ts";
import { SupplierRegistry } from "./dispatcher.ts";
import { beginHandshake, type Enrolled, type PendingHandshake } from "./handshake.ts";
import { CLOSE, HEARTBEAT_MS, Session } from "./session.ts";

export const LINK_PATH = "/link/v1";
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Sockets that may be in their handshake at the same time. */
const HANDSHAKES_MAX = 200;
/** Calls of one session that may wait for their answer. */
const CALLS_OUTSTANDING_MAX = 64;

export interface LinkServer {
  registry: SupplierRegistry;
  /** Takes an upgrade request for `/link/v1`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells every agent to go and closes the links. */
  close(): void;
}

export interface LinkServerDependencies {
  shell: Shell;
  identity: Identity;
  clock: Clock;
  log: Logger;
}

export function createLinkServer(dependencies: LinkServerDependencies): LinkServer {
  const { shell, clock, log } = dependencies;
  const registry = new SupplierRegistry();
  const calls = new WeakMap<Session, number>();
  const handshakes = new Set<Duplex>();
  let isClosed = false;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LINK_MESSAGE_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  });

  function welcome(
    socket: WebSocket,
    node: Enrolled,
    sequences: { sent: number; received: number },
  ) {
    if (isClosed) return socket.terminate();
    const session = new Session(
      socket,
      { id: randomUUID(), node: node.node, account: node.account },
      sequences,
      { onMessage, onClose },
    );
    registry.add(session)?.close(CLOSE.replaced, "a newer link of this node took over");
    session.send({
      type: "welcome",
      nodeId: publicId("node", node.node),
      accountId: publicId("account", node.account),
      sessionId: session.id,
      heartbeatMs: HEARTBEAT_MS,
      nowMs: clock.nowMs(),
      instruments: [...shell.state.instruments.values()].map((listed) => listed.instrument),
    });
    log.info({ node: node.node, account: node.account }, "node linked");
  }

  function onMessage(message: FromAgent, session: Session): void {
    if (message.type === "supply") {
      const supplies = message.instruments.map(({ symbol, capacityTokensPerWindow }) => ({
        symbol,
        capacityTokens: capacityTokensPerWindow,
      }));
      const { outcome } = shell.submit({
        type: "connect-node",
        node: session.node,
        session: session.id,
        slots: message.slots,
        supplies,
      });
      if (outcome.ok)
        session.supply(
          message.slots,
          supplies.map((supply) => supply.symbol),
        );
      else session.close(CLOSE.refused, outcome.rejection.message);
    } else if (message.type === "call") {
      const outstanding = calls.get(session) ?? 0;
      if (outstanding >= CALLS_OUTSTANDING_MAX) {
        session.close(CLOSE.protocol, `more than ${CALLS_OUTSTANDING_MAX} calls outstanding`);
        return;
      }
      calls.set(session, outstanding + 1);
      void answerCall(shell, session.account, message).then((reply) => {
        calls.set(session, (calls.get(session) ?? 1) - 1);
        session.send(reply);
      });
    } else if (message.type === "drain") {
      session.drain();
      disconnect(session, "drain");
    } else session.close(CLOSE.protocol, `${message.type} after the handshake`);
  }

  function disconnect(session: Session, reason: string): void {
    shell.submit({ type: "disconnect-node", node: session.node, session: session.id, reason });
  }

  function onClose(session: Session, reason: string): void {
    disconnect(session, reason.slice(0, 200));
    registry.remove(session);
    log.info({ node: session.node, reason }, "link closed");
  }

  const stopTelling = shell.subscribe((events) => {
    for (const event of events) if (event.type === "trade") tellFill(event);
  });

  function tellFill(trade: Extract<CoreEvent, { type: "trade" }>): void {
    const instrument = shell.state.instruments.get(trade.symbol)?.instrument;
    if (instrument === undefined) return;
    const order = trade.takerSide === "buy" ? trade.makerOrder : trade.takerOrder;
    for (const session of registry.sessionsOf(trade.seller)) {
      session.send({
        type: "fill",
        orderId: publicId("order", order),
        symbol: trade.symbol,
        price: formatPrice(instrument, trade.priceTicks),
        quantity: formatQuantity(instrument, trade.quantity),
      });
    }
  }

  return {
    registry,
    upgrade(request, socket, head) {
      if (handshakes.size >= HANDSHAKES_MAX || request.headers.origin !== undefined) {
        const status = request.headers.origin === undefined ? "503 Busy" : "403 Forbidden";
        socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
        return;
      }
      handshakes.add(socket);
      // Also when the upgrade itself is refused, or refusals would use up the room for everybody.
      socket.once("close", () => handshakes.delete(socket));
      server.handleUpgrade(request, socket, head, (opened) => {
        void shakeHands(opened, dependencies, welcome).finally(() => handshakes.delete(socket));
      });
    },
    close() {
      stopTelling();
      isClosed = true;
      // Welcomed now, it would hold the stop for as long as it lives.
      for (const socket of handshakes) socket.destroy();
      for (const session of registry.all()) {
        session.send({ type: "drain", reason: "the exchange stops", deadlineMs: 0 });
        session.close(1001, "the exchange stops");
      }
      server.close();
    },
  };
}

/** Runs one socket through hello, challenge and auth; resolves when it is welcome or gone. */
function shakeHands(
  socket: WebSocket,
  dependencies: LinkServerDependencies,
  welcome: (
    socket: WebSocket,
    node: Enrolled,
    sequences: { sent: number; received: number },
  ) => void,
): Promise<void> {
  return new Promise((done) => {
    let pending: PendingHandshake | null = null;
    let received = 0;
    let sent = 0;
    const timer = setTimeout(() => socket.terminate(), HANDSHAKE_TIMEOUT_MS);
    const send = (message: FromExchange) => {
      socket.send(encodeJsonRecord(RecordType.control, 0, sent, message));
      sent += 1;
    };
    const refuse = (refused: Refused) => {
      dependencies.log.warn({ code: refused.code }, "link refused");
      send(refused);
      socket.close(CLOSE.refused, refused.code);
    };
    const violation = (message: string) =>
      refuse({ type: "refused", code: "protocol", message, retryable: false });

    async function receive(data: Buffer): Promise<void> {
      const records = decodeRecords(data);
      const [record] = records;
      if (records.length !== 1 || record === undefined || record.type !== RecordType.control) {
        violation("expected one control record");
        return;
      }
      received += 1;
      const decoded = decodeFromAgent(record.payload);
      if (!decoded.ok) violation(decoded.reason);
      else if (decoded.message.type === "hello" && pending === null) {
        const begun = beginHandshake(decoded.message, record.payload, dependencies);
        if (!begun.ok) refuse(begun.refused);
        else {
          pending = begun;
          send(begun.challenge);
        }
      } else if (decoded.message.type === "auth" && pending !== null) {
        const finished = await pending.finish(decoded.message);
        if (!finished.ok) refuse(finished.refused);
        else if (socket.readyState === socket.OPEN) {
          clearTimeout(timer);
          socket.off("message", onData);
          socket.off("error", onError);
          welcome(socket, finished, { sent, received });
          done();
        }
      } else violation(`${decoded.message.type} in the handshake`);
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
