/**
 * The door of the streams: `/v1/` upgraded to a WebSocket, on the port of the rest. Counts who is in,
 * brings the feeds on with durable events, and begins anew should they ever differ from the core.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "#exchange/clock.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { History } from "#exchange/history/history.ts";
import type { Shell } from "#exchange/shell.ts";
import { Rate } from "#exchange/suppliers/rate.ts";
import { createRateLimits, TRADING_LIMITS } from "#exchange/trading/rate-limits.ts";
import { Connection } from "./connection.ts";
import { Corks } from "./corks.ts";
import { Dialogue } from "./dialogue.ts";
import { pongBytes } from "./frames.ts";
import { type CloseReason, STREAM_LIMITS, type StreamLimits } from "./limits.ts";
import { StreamFeeds } from "./stream-feeds.ts";

/** Where the published clients look: the current address, and the one before. */
const PATHS = new Set(["/v1/", "/v1", "/trading_socket/websocket"]);
/** Pieces of one frame. */
const FRAGMENTS_MAX = 64;

export interface StreamServer {
  /** Whether an upgrade of that URL is for this. */
  takes(url: string | undefined): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly connections: number;
  /** Says that the exchange stops, and closes every connection. */
  close(): void;
}

export interface StreamServerDependencies {
  /** All of its state must be durable when the server is made. */
  shell: Shell;
  /** Given durable events before the server is. */
  history: Pick<History, "candles">;
  clock: Clock;
  log: Pick<Logger, "error">;
  limits?: Partial<StreamLimits>;
}

export function createStreamServer(dependencies: StreamServerDependencies): StreamServer {
  const { shell, history, clock, log } = dependencies;
  const limits = { ...STREAM_LIMITS, ...dependencies.limits };
  const defer = (run: () => void) => void setImmediate(run);
  const failures = createRateLimits(
    { ...TRADING_LIMITS, authFailures: limits.authFailures },
    { clock },
  );
  const corks = new Corks();
  const connections = new Map<Connection, { heardAtMs: number }>();
  const perAddress = new Map<string, number>();
  const perAccount = new Map<number, number>();
  let feeds = new StreamFeeds({ shell, history, defer });
  /** The feeds stand at what is not durable yet: nothing may be told of them. */
  let isAhead = false;
  let isClosed = false;

  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    maxFragments: FRAGMENTS_MAX,
    // A ping costs a frame like any other, and its answer has a place in the queue like any other.
    autoPong: false,
  });

  function count<K>(counts: Map<K, number>, key: K, by: number): void {
    const now = (counts.get(key) ?? 0) + by;
    if (now === 0) counts.delete(key);
    else counts.set(key, now);
  }

  function closeAll(reason: CloseReason): void {
    for (const connection of connections.keys()) connection.close(reason);
  }

  /** Readers come back and get snapshots; better than to tell them what is not so. */
  function beginAnew(problem: string): void {
    log.error({ reason: problem }, "the streams begin anew: they differ from the core");
    closeAll("internal_error");
    feeds = new StreamFeeds({ shell, history, defer });
    isAhead = true;
    void shell
      .read(() => null)
      .then(() => {
        isAhead = false;
      });
  }

  const stopListening = shell.subscribe((events) => {
    try {
      feeds.apply(events);
      const difference = feeds.difference();
      if (difference !== null) beginAnew(difference);
    } catch (error) {
      beginAnew((error as Error).message);
    }
    closeRevoked(events);
  });

  function closeRevoked(events: readonly CoreEvent[]): void {
    for (const event of events) {
      if (event.type !== "key-revoked") continue;
      for (const connection of connections.keys()) {
        if (connection.fingerprint === event.key) connection.close("key_revoked");
      }
    }
  }

  const watch = setInterval(() => {
    const oldestMs = clock.monotonicMs() - limits.silenceMsMax;
    for (const [connection, { heardAtMs }] of connections) {
      if (heardAtMs < oldestMs) connection.close("silent", "send a heartbeat every 30 s");
    }
  }, limits.lookMs);
  watch.unref();

  function open(socket: WebSocket, wire: Duplex, address: string): void {
    const connection = new Connection(socket, wire, { address, limits, corks });
    const heard = { heardAtMs: clock.monotonicMs() };
    connections.set(connection, heard);
    count(perAddress, address, 1);
    const dialogue = new Dialogue(connection, {
      shell,
      get feeds() {
        return feeds;
      },
      clock,
      limits,
      mayTry: (from) => failures.peek("authFailures", from).retryAfterSeconds === null,
      onForged: (from) => void failures.take("authFailures", from),
      claim(claimed, account) {
        if ((perAccount.get(account) ?? 0) >= limits.connectionsPerAccountMax) return false;
        if (connections.has(claimed)) count(perAccount, account, 1);
        return true;
      },
    });
    const rate = new Rate(limits.frames, clock.monotonicMs());
    const waiting: string[] = [];
    let isTaking = false;

    async function takeAll(): Promise<void> {
      isTaking = true;
      try {
        for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
          if (!connection.isOver) await dialogue.take(text);
        }
      } catch (error) {
        log.error({ reason: (error as Error).message }, "a frame could not be taken");
        connection.close("internal_error");
      } finally {
        isTaking = false;
      }
    }

    /** Counts what came; false when it is too much. */
    function admit(): boolean {
      if (connection.isOver) return false;
      heard.heardAtMs = clock.monotonicMs();
      if (rate.take(1, heard.heardAtMs) && waiting.length < limits.framesWaitingMax) return true;
      connection.close("rate_exceeded", `more than ${limits.frames.perSecond} frames a second`);
      return false;
    }

    socket.on("message", (data: RawData, isBinary: boolean) => {
      if (!admit()) return;
      if (isBinary) connection.close("binary_frame", "send text frames");
      else {
        waiting.push(data.toString());
        if (!isTaking) void takeAll();
      }
    });
    socket.on("ping", (data: Buffer) => {
      if (admit()) connection.send(pongBytes(data));
    });
    socket.on("pong", () => void admit());
    // What the socket says is wrong, it closes by itself.
    socket.on("error", () => {});
    socket.on("close", () => {
      connection.gone();
      connections.delete(connection);
      count(perAddress, address, -1);
      if (connection.account !== null) count(perAccount, connection.account, -1);
    });
  }

  return {
    takes: (url) => PATHS.has((url ?? "").split("?")[0] ?? ""),
    get connections() {
      return connections.size;
    },
    upgrade(request, socket, head) {
      const address = request.socket.remoteAddress ?? "";
      if (isClosed || isAhead || connections.size >= limits.connectionsMax) {
        turnAway(socket, "503 Service Unavailable", "no connection is free; try again shortly");
      } else if ((perAddress.get(address) ?? 0) >= limits.connectionsPerAddressMax) {
        const { connectionsPerAddressMax } = limits;
        const words = `${connectionsPerAddressMax} connections of this address are open; close one`;
        turnAway(socket, "429 Too Many Requests", words);
      } else {
        server.handleUpgrade(request, socket, head, (opened) => open(opened, socket, address));
      }
    },
    close() {
      isClosed = true;
      clearInterval(watch);
      stopListening();
      closeAll("exchange_stopping");
      server.close();
    },
  };
}

function turnAway(socket: Duplex, status: string, words: string): void {
  const body = JSON.stringify({
    errors: { detail: words, code: "TOO_MANY_CONNECTIONS", message: words },
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\nretry-after: 1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
