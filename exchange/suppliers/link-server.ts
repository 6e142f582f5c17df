/**
 * The door for agents: `/link/v1` upgraded to the link's subprotocol. Nothing is trusted before the
 * handshake is through; one live session per node, a newer one replaces the old.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "#exchange/clock.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { weightBps } from "#exchange/core/sla/standing.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { type Hello, LINK_CLOSE, type Refused } from "#protocol/link-channel.ts";
import type { FromAgent, Supply } from "#protocol/link-messages.ts";
import { LINK_MESSAGE_BYTES_MAX, LINK_SUBPROTOCOL } from "#protocol/link-records.ts";
import { formatPrice, formatQuantity } from "#protocol/quotation.ts";
import type { Identity } from "#protocol/signing.ts";
import { answerCall } from "./calls.ts";
import { CHANNEL_LIMITS, type ChannelLimits, HEARTBEAT_MS } from "./channel.ts";
import { SupplierRegistry } from "./dispatcher.ts";
import type { Enrolled } from "./handshake.ts";
import { retryAfterMsOf, shakeHands } from "./handshake-socket.ts";
import { type IntegrityCounts, IntegrityLedger, type OnIntegrity } from "./integrity.ts";
import { Rate, type RateOptions } from "./rate.ts";
import { SESSION_TIMES, Session, type SessionTimes } from "./session.ts";

export const LINK_PATH = "/link/v1";
/** Sockets that may be in their handshake at the same time. */
const HANDSHAKES_MAX = 200;
/** Calls of one session that may wait for their answer. */
const CALLS_OUTSTANDING_MAX = 64;
/** Hellos admitted: a restarted exchange is not run over by its own agents. */
const HELLOS: RateOptions = { perSecond: 50, burst: 100 };
/** When agents may come back that were told to go, where the caller has no other wish. */
const RECONNECT_MS = 1_000;
/** RFC 6455 section 7.4.1: the server goes away. */
const CLOSE_GOING_AWAY = 1001;

export interface GoAwayOptions {
  reason: string;
  /** How long running deliveries may take. */
  deadlineMs: number;
  /** Agents link again after this and at most twice as long. */
  reconnectMs: number;
}

export interface LinkServer {
  registry: SupplierRegistry;
  /** Takes an upgrade request for `/link/v1`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sends every agent away, in order: nothing new is dispatched, what runs may end. */
  goAway(options: GoAwayOptions): void;
  /** What a node's links did wrong since the process began. */
  integrityOf(node: number): IntegrityCounts;
  /** Tells every agent to go and closes the links. */
  close(): void;
}

export interface LinkServerOptions {
  limits?: ChannelLimits;
  hellos?: RateOptions;
  times?: SessionTimes;
}

export interface LinkServerDependencies extends LinkServerOptions {
  shell: Shell;
  identity: Identity;
  clock: Clock;
  log: Logger;
  /** Told of everything an honest agent would not have sent. */
  onIntegrity?: OnIntegrity;
}

export function createLinkServer(dependencies: LinkServerDependencies): LinkServer {
  const { shell, clock, log, onIntegrity = () => {} } = dependencies;
  const { limits = CHANNEL_LIMITS, times = SESSION_TIMES } = dependencies;
  const registry = new SupplierRegistry((supplier, symbol) =>
    weightBps(shell.state, supplier, symbol),
  );
  const integrity = new IntegrityLedger({ log, onIntegrity });
  const hellos = new Rate(dependencies.hellos ?? HELLOS, clock.monotonicMs());
  const calls = new WeakMap<Session, number>();
  const handshakes = new Set<Duplex>();
  let isClosed = false;
  let lastEpoch = 0;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LINK_MESSAGE_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  });

  function welcome(socket: WebSocket, node: Enrolled, asked: Hello["session"]): Refused | null {
    if (isClosed) {
      socket.terminate();
      return null;
    }
    const live = registry.sessionOf(node.node);
    const isKnown = live !== undefined && live.id === asked?.id;
    if (!isKnown && asked !== undefined) {
      const refused = refusalOf(asked, live);
      if (refused !== null) return refused;
    }
    const session = isKnown ? live : openSession(node);
    session.join(socket).say({
      type: "welcome",
      nodeId: publicId("node", node.node),
      accountId: publicId("account", node.account),
      sessionId: session.id,
      epoch: session.epoch,
      heartbeatMs: HEARTBEAT_MS,
      resumeMs: times.resumeMs,
      nowMs: clock.nowMs(),
      instruments: [...shell.state.instruments.values()].map((listed) => listed.instrument),
    });
    log.info({ node: node.node, account: node.account, isKnown }, "node linked");
    return null;
  }

  function openSession({ node, account }: Enrolled): Session {
    // Grows over restarts, too, so that an agent can tell which of two sessions is the newer.
    lastEpoch = Math.max(lastEpoch + 1, clock.nowMs());
    const session = new Session(
      { id: randomUUID(), node, account, epoch: lastEpoch, limits, times },
      {
        clock,
        handlers: {
          onMessage,
          onAttached,
          onDown: (down, reason) => {
            disconnect(down, reason);
            registry.serveWaiting(account);
          },
          onEnd,
          onIntegrity: (_session, kind, detail) =>
            integrity.record({ account, node, kind, detail }),
          onFault: (_session, error) =>
            log.error({ node, reason: (error as Error).message }, "a record could not be taken"),
        },
      },
    );
    registry.add(session)?.end(LINK_CLOSE.replaced, "a newer session of this node took over");
    return session;
  }

  function onMessage(message: FromAgent, session: Session): void {
    switch (message.type) {
      case "supply":
        session.supplies(message);
        connect(session, message);
        registry.serveWaiting(session.account);
        return;
      case "call":
        answer(message, session);
        return;
      case "drain":
        session.drain();
        disconnect(session, "drain");
        session.send({ type: "draining", open: session.activeStreams });
        registry.serveWaiting(session.account);
        return;
      case "running":
        // The session itself compares it with its streams.
        return;
    }
  }

  function connect(session: Session, { slots, instruments }: Supply): void {
    const supplies = instruments.map(({ symbol, capacityTokensPerWindow }) => ({
      symbol,
      capacityTokens: capacityTokensPerWindow,
    }));
    const { node, id } = session;
    const command = { type: "connect-node" as const, node, session: id, slots, supplies };
    const { outcome } = shell.submit(command);
    if (!outcome.ok) session.end(LINK_CLOSE.refused, outcome.rejection.message);
  }

  function answer(call: Extract<FromAgent, { type: "call" }>, session: Session): void {
    const outstanding = calls.get(session) ?? 0;
    if (outstanding >= CALLS_OUTSTANDING_MAX) {
      session.end(LINK_CLOSE.protocol, `more than ${CALLS_OUTSTANDING_MAX} calls outstanding`);
      return;
    }
    calls.set(session, outstanding + 1);
    void answerCall(shell, session.account, call).then((reply) => {
      calls.set(session, (calls.get(session) ?? 1) - 1);
      session.send(reply);
    });
  }

  function onAttached(session: Session, wasDown: boolean): void {
    const { supply } = session;
    if (wasDown && supply !== null && !session.isDraining) connect(session, supply);
    registry.serveWaiting(session.account);
  }

  function disconnect(session: Session, reason: string): void {
    // A stop is an outage of the exchange, not of its nodes: the next start counts it as one.
    if (isClosed) return;
    const { node, id } = session;
    shell.submit({ type: "disconnect-node", node, session: id, reason: reason.slice(0, 200) });
  }

  function onEnd(session: Session, reason: string): void {
    disconnect(session, reason);
    registry.remove(session);
    log.info({ node: session.node, reason }, "link closed");
  }

  const stopTelling = shell.subscribe((events) => {
    for (const event of events) {
      // Who sells bought Units does not serve them: no agent of it has such an ask.
      if (event.type === "trade" && event.resold.length === 0) tellFill(event);
    }
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

  function goAway({ reason, deadlineMs, reconnectMs }: GoAwayOptions): void {
    for (const session of registry.all()) {
      session.send({ type: "go-away", reason, deadlineMs, reconnectMs });
      session.drain();
      disconnect(session, reason);
    }
  }

  return {
    registry,
    upgrade(request, socket, head) {
      const nowMs = clock.monotonicMs();
      if (request.headers.origin !== undefined) turnAway(socket, "403 Forbidden");
      else if (handshakes.size >= HANDSHAKES_MAX || hellos.waitMs(1, nowMs) > 0) {
        const seconds = Math.ceil(retryAfterMsOf(hellos, nowMs) / 1_000);
        turnAway(socket, `503 Busy\r\nretry-after: ${seconds}`);
      } else {
        handshakes.add(socket);
        // Also when the upgrade itself is refused, or refusals would use up the room for everybody.
        socket.once("close", () => handshakes.delete(socket));
        server.handleUpgrade(request, socket, head, (opened) => {
          const given = { ...dependencies, hellos, welcome };
          void shakeHands(opened, given).finally(() => handshakes.delete(socket));
        });
      }
    },
    goAway,
    integrityOf: (node) => integrity.countsOf(node),
    close() {
      stopTelling();
      isClosed = true;
      // Welcomed now, it would hold the stop for as long as it lives.
      for (const socket of handshakes) socket.destroy();
      const reason = "the exchange stops";
      goAway({ reason, deadlineMs: 0, reconnectMs: RECONNECT_MS });
      for (const session of registry.all()) session.end(CLOSE_GOING_AWAY, reason);
      server.close();
    },
  };
}

/** Why a socket that is for another session than the live one of its node is not welcome. */
function refusalOf(
  asked: NonNullable<Hello["session"]>,
  live: Session | undefined,
): Refused | null {
  if (live !== undefined && asked.epoch < live.epoch) {
    const message = "another agent runs with this node's key: its session is newer than yours";
    return { type: "refused", code: "replaced", message, retryable: false };
  }
  if (!asked.onlyThis) return null;
  const message = "the session is over";
  return { type: "refused", code: "session-unknown", message, retryable: true };
}

function turnAway(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
}
