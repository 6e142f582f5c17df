/** Builds every part of the exchange and joins them, top to bottom; no logic. `listen` is apart. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { fastify } from "fastify";
import type { Logger } from "pino";
import { createBackups } from "#exchange/backup/backups.ts";
import { publishAddress } from "#exchange/backup/running-exchange.ts";
import type { Clock } from "#exchange/clock.ts";
import type { ExchangeConfig } from "#exchange/config.ts";
import { watchExchangeLoad } from "#exchange/consumption/exchange-load.ts";
import { createConsumption } from "#exchange/consumption/handler.ts";
import { Refused, sendRefusal } from "#exchange/http.ts";
import { type ExchangeSecrets, loadExchangeSecrets } from "#exchange/identity.ts";
import { watchInvariants } from "#exchange/invariant-watch.ts";
import { createShell, type ShellOptions } from "#exchange/journaled-shell.ts";
import { startMarket } from "#exchange/market-start.ts";
import { operatorRoutes } from "#exchange/operator/routes.ts";
import type { Shell } from "#exchange/shell.ts";
import { startFollowerThread } from "#exchange/snapshots/follower-thread.ts";
import { type OpenJournal, openStorage } from "#exchange/storage.ts";
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
  openJournal?: OpenJournal;
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
  const { history, journal, core, notices } = await openStorage(config.dataDir, given.openJournal);
  for (const notice of notices) log.warn(notice);
  const secrets = loadExchangeSecrets(config.dataDir);
  const onMissedSnapshot = ({ message }: Error) =>
    log.error({ reason: message }, "no snapshot was taken; the next start takes longer");
  const shell = createShell(given.shellOptions ?? {}, {
    core,
    journal,
    clock,
    onFatal,
    startFollower: startFollowerThread,
    onMissedSnapshot,
  });
  shell.subscribe((events) => history.apply(events));
  await startMarket(shell, config);

  const watch = watchInvariants({}, { shell, log });

  const { identity, operatorToken } = secrets;
  const backups = createBackups(journal);
  const links = createLinkServer({
    shell,
    identity,
    clock,
    log: log.child({ component: "suppliers" }),
  });
  const load = watchExchangeLoad();
  const consumption = createConsumption(
    {},
    {
      shell,
      dispatcher: links.registry,
      clock,
      load,
      log: log.child({ component: "consumption" }),
    },
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
  app.get("/healthz", async (_request, reply) => {
    const { stoppedBecause } = shell;
    const status = stoppedBecause === null ? "ok" : "trading-stopped";
    const body = await shell.read((state) => ({ status, seq: state.seq }));
    return reply.status(stoppedBecause === null ? 200 : 503).send(body);
  });
  await app.register(operatorRoutes, {
    prefix: "/operator/v1",
    shell,
    clock,
    identity,
    operatorToken,
    backups,
  });
  // The published clients find key registration on another host, under /api/v1.
  for (const prefix of ["/v1", "/api/v1"]) {
    await app.register(tradingRoutes, { prefix, shell, history, clock });
  }
  app.server.on("upgrade", (request, socket, head) => {
    if ((request.url ?? "").split("?")[0] === LINK_PATH) links.upgrade(request, socket, head);
    else socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
  });

  let withdrawAddress = () => {};
  return {
    shell,
    secrets,
    async listen() {
      await app.listen({ host: config.host, port: config.port });
      const { port } = app.server.address() as AddressInfo;
      withdrawAddress = publishAddress(config.dataDir, config.host, port);
      return port;
    },
    async close() {
      await consumption.drain(DRAIN_MS_MAX);
      watch.close();
      load.close();
      links.close();
      backups.close();
      withdrawAddress();
      await app.close();
      await shell.close();
      history.close();
    },
  };
}
