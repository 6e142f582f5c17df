/** Builds every part of the exchange and joins them, top to bottom; no logic. `listen` is apart. */
import type { AddressInfo } from "node:net";
import { fastify } from "fastify";
import type { Logger } from "pino";
import { createBackups } from "#exchange/backup/backups.ts";
import { publishAddress, withdrawAddress } from "#exchange/backup/running-exchange.ts";
import type { Clock } from "#exchange/clock.ts";
import type { ExchangeConfig } from "#exchange/config.ts";
import { type ExchangeLoad, watchExchangeLoad } from "#exchange/consumption/exchange-load.ts";
import { createGrantPacer } from "#exchange/consumption/grant-pacer.ts";
import { createConsumption } from "#exchange/consumption/handler.ts";
import { healthRoutes } from "#exchange/health-routes.ts";
import { deferHistory } from "#exchange/history/deferred-history.ts";
import { createHttpServer } from "#exchange/http-server.ts";
import { type ExchangeSecrets, loadExchangeSecrets } from "#exchange/identity.ts";
import { BREACH_REMEDY, watchInvariants } from "#exchange/invariant-watch.ts";
import { createShell, type ShellOptions } from "#exchange/journaled-shell.ts";
import { startMarket } from "#exchange/market-start.ts";
import { operatorRoutes } from "#exchange/operator/routes.ts";
import { collectRoutes } from "#exchange/reference/described.ts";
import { referenceRoutes } from "#exchange/reference/routes.ts";
import { handleRefusals } from "#exchange/refusal-handler.ts";
import type { Shell } from "#exchange/shell.ts";
import { startFollowerThread } from "#exchange/snapshots/follower-thread.ts";
import { type OpenJournal, openStorage } from "#exchange/storage.ts";
import { createStreamServer } from "#exchange/streams/stream-server.ts";
import { journalIntegrity } from "#exchange/suppliers/integrity-journal.ts";
import { createLinkServer, LINK_PATH } from "#exchange/suppliers/link-server.ts";
import { tradingRoutes } from "#exchange/trading/routes.ts";

/** How long running deliveries may take to end when the exchange stops. */
const DRAIN_MS_MAX = 30_000;
/** Largest body outside the consumption API. */
const BODY_BYTES_MAX = 64 * 1024;
/** From one batch of the journal to the next while many commands come; one alone does not wait. */
const BATCH_PACE_MS = 1;

export interface ExchangeDependencies {
  clock: Clock;
  log: Logger;
  /** The journal or the core failed: the process must end at once. */
  onFatal: (error: Error) => void;
  /** How late the exchange is, where it is not to be measured. */
  load?: ExchangeLoad;
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
  const { journal, core, notices, ...stored } = await openStorage(
    config.dataDir,
    given.openJournal,
  );
  const history = deferHistory(stored.history, {
    later: (run, ms) => void setTimeout(run, ms).unref(),
    onFatal,
  });
  for (const notice of notices) log.warn(notice);
  withdrawAddress(config.dataDir);
  const secrets = loadExchangeSecrets(config.dataDir, core.state.seq);
  const onMissedSnapshot = ({ message }: Error) =>
    log.error({ reason: message }, "no snapshot was taken; the next start takes longer");
  const onDisorder = (seq: number, breaches: readonly string[]) =>
    log.fatal({ seq, breaches, remedy: BREACH_REMEDY }, "trading stopped");
  const shell = createShell(given.shellOptions ?? {}, {
    core,
    journal,
    clock,
    onFatal,
    pace: (run) => void setTimeout(run, BATCH_PACE_MS),
    startFollower: startFollowerThread,
    onMissedSnapshot,
    onDisorder,
  });
  shell.subscribe((events) => history.apply(events));
  // While nothing has run since the start: what is told begins with what is durable.
  const streams = createStreamServer({
    shell,
    history,
    clock,
    log: log.child({ component: "streams" }),
  });
  await startMarket(shell, config);

  const watch = watchInvariants({}, { shell, log });

  const { identity, operatorToken } = secrets;
  const backups = createBackups(journal);
  const links = createLinkServer({
    shell,
    identity,
    clock,
    log: log.child({ component: "suppliers" }),
    onIntegrity: journalIntegrity({ shell, clock }),
  });
  const load = given.load ?? watchExchangeLoad();
  const consumption = createConsumption(
    {},
    {
      shell,
      dispatcher: links.registry,
      clock,
      load,
      grants: createGrantPacer(),
      log: log.child({ component: "consumption" }),
    },
  );
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    // By then the deliveries are drained; idle keep-alive connections would hold the stop for seconds.
    forceCloseConnections: true,
    // The consumption API is served before the framework: see its handler.
    serverFactory: (handler) =>
      createHttpServer((request, response) => {
        if (!consumption.handle(request, response)) handler(request, response);
      }),
  });
  const routes = collectRoutes(app);
  handleRefusals(app, { bodyBytesMax: BODY_BYTES_MAX }, { log });
  await app.register(referenceRoutes, { routes });
  let isStopping = false;
  healthRoutes(app, { shell, operatorToken, isStopping: () => isStopping });
  await app.register(operatorRoutes, {
    prefix: "/operator/v1",
    shell,
    clock,
    identity,
    operatorToken,
    backups,
    history,
  });
  // The published clients find key registration on another host, under /api/v1.
  for (const prefix of ["/v1", "/api/v1"]) {
    await app.register(tradingRoutes, {
      ...{ prefix, shell, history, clock, hosts: config.publicHosts },
    });
  }
  app.server.on("upgrade", (request, socket, head) => {
    if ((request.url ?? "").split("?")[0] === LINK_PATH) links.upgrade(request, socket, head);
    else if (streams.takes(request.url)) streams.upgrade(request, socket, head);
    else socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
  });

  return {
    shell,
    secrets,
    async listen() {
      await app.listen({ host: config.host, port: config.port });
      const { port } = app.server.address() as AddressInfo;
      publishAddress(config.dataDir, config.host, port);
      return port;
    },
    async close() {
      isStopping = true;
      await consumption.drain(DRAIN_MS_MAX);
      watch.close();
      load.close();
      links.close();
      streams.close();
      await backups.close();
      withdrawAddress(config.dataDir);
      await app.close();
      await shell.close();
      history.close();
    },
  };
}
