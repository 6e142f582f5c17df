/** Builds every part of the exchange and joins them, top to bottom; no logic. `listen` is apart. */
import { mkdirSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fastify } from "fastify";
import type { Logger } from "pino";
import type { Clock } from "#exchange/clock.ts";
import type { ExchangeConfig } from "#exchange/config.ts";
import { createConsumption } from "#exchange/consumption/handler.ts";
import type { Command, CommandType } from "#exchange/core/commands.ts";
import { openHistory } from "#exchange/history/history.ts";
import { Refused, sendRefusal } from "#exchange/http.ts";
import { type ExchangeSecrets, loadExchangeSecrets } from "#exchange/identity.ts";
import type { Journal } from "#exchange/journal/journal.ts";
import { openSqliteJournal } from "#exchange/journal/sqlite-journal.ts";
import { createShell, type ShellOptions } from "#exchange/journaled-shell.ts";
import { operatorRoutes } from "#exchange/operator/routes.ts";
import { recoverCore } from "#exchange/recovery.ts";
import type { Shell } from "#exchange/shell.ts";
import { createLinkServer, LINK_PATH } from "#exchange/suppliers/link-server.ts";
import { tradingRoutes } from "#exchange/trading/routes.ts";

/** How long running deliveries may take to end when the exchange stops. */
const DRAIN_MS_MAX = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Largest body outside the consumption API. */
const BODY_BYTES_MAX = 64 * 1024;

export interface ExchangeDependencies {
  clock: Clock;
  log: Logger;
  /** The journal or the core failed: the process must end at once. */
  onFatal: (error: Error) => void;
  /** Opens the data directory's journal; given by what watches or breaks it. */
  openJournal?: (dataDir: string, readModelSeq: number | null) => Promise<Journal>;
  /** How the shell groups and snapshots, where it must differ from what is usual. */
  shellOptions?: ShellOptions;
}

export interface Exchange {
  shell: Shell;
  secrets: ExchangeSecrets;
  /** Starts to serve; resolves with the port. */
  listen(): Promise<number>;
  close(): Promise<void>;
}

export async function createExchange(
  config: ExchangeConfig,
  { clock, log, onFatal, ...given }: ExchangeDependencies,
): Promise<Exchange> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const history = openHistory(join(config.dataDir, "history.db"));
  const openJournal = given.openJournal ?? openSqliteJournal;
  const journal = await openJournal(config.dataDir, history.lastSeq);
  const core = recoverCore(journal.recovered, (events) => history.apply(events));
  const secrets = loadExchangeSecrets(config.dataDir);
  const shell = createShell(given.shellOptions ?? {}, { core, journal, clock, onFatal });
  shell.subscribe((events) => history.apply(events));
  await start(shell, config);

  const { identity, operatorToken } = secrets;
  const links = createLinkServer({
    shell,
    identity,
    clock,
    log: log.child({ component: "suppliers" }),
  });
  const consumption = createConsumption(
    {},
    { shell, dispatcher: links.registry, clock, log: log.child({ component: "consumption" }) },
  );
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    // By then the deliveries are drained; idle keep-alive connections would hold the stop for seconds.
    forceCloseConnections: true,
    // The consumption API is served before the framework: see its handler.
    serverFactory: (handler) =>
      http.createServer(
        { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
        (request, response) => {
          if (!consumption.handle(request, response)) handler(request, response);
        },
      ),
  });
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof Refused) return sendRefusal(reply, error);
    const { statusCode, message } = error as Error & { statusCode?: number };
    if (statusCode === 413) {
      return sendRefusal(reply, new Refused("body-too-large", `at most ${BODY_BYTES_MAX} bytes`));
    }
    if (statusCode !== undefined && statusCode < 500) {
      return sendRefusal(reply, new Refused("validation-error", message));
    }
    log.error({ path: request.url, reason: message }, "request failed");
    return sendRefusal(reply, new Refused("internal-error"));
  });
  app.setNotFoundHandler((request, reply) =>
    sendRefusal(
      reply,
      new Refused("not-found", `no ${request.method} ${request.url.split("?")[0]}`),
    ),
  );
  app.get("/healthz", () => shell.read((state) => ({ status: "ok", seq: state.seq })));
  await app.register(operatorRoutes, {
    prefix: "/operator/v1",
    shell,
    clock,
    identity,
    operatorToken,
  });
  // The published clients find key registration on another host, under /api/v1.
  for (const prefix of ["/v1", "/api/v1"]) {
    await app.register(tradingRoutes, { prefix, shell, history, clock });
  }
  app.server.on("upgrade", (request, socket, head) => {
    if ((request.url ?? "").split("?")[0] === LINK_PATH) links.upgrade(request, socket, head);
    else socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
  });

  return {
    shell,
    secrets,
    async listen() {
      await app.listen({ host: config.host, port: config.port });
      return (app.server.address() as AddressInfo).port;
    },
    async close() {
      await consumption.drain(DRAIN_MS_MAX);
      links.close();
      await app.close();
      await shell.close();
      history.close();
    },
  };
}

/** The first commands of a process: what stopped with the last one, then the operator's settings. */
async function start(shell: Shell, config: ExchangeConfig): Promise<void> {
  const run = async <T extends CommandType>(command: Command<T>) => {
    const outcome = await shell.execute(command);
    if (!outcome.ok) throw new Error(`${command.type}: ${outcome.rejection.message}`);
  };
  // First: what fell due while the exchange was away must be tolled before it can expire.
  if (shell.state.seq > 0) await run({ type: "resume", lastSeenMs: shell.state.nowMs });
  await run({ type: "adopt-policy", policy: config.policy });
  for (const instrument of config.instruments) await run({ type: "list-instrument", instrument });
}
