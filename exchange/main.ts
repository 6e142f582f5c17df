/** The exchange's process: environment, files, signals, exit code. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { pino } from "pino";
import { createExchange, type ExchangeDependencies } from "./app.ts";
import { systemClock } from "./clock.ts";
import { type Environment, loadExchangeConfig } from "./config.ts";
import type { MarketPolicy } from "./core/policy.ts";

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../config/${name}.json`, import.meta.url), "utf8"));

/** What somebody who runs the process to test it puts in the place of the usual. */
export interface OtherParts extends Pick<ExchangeDependencies, "openJournal" | "shellOptions"> {
  env?: Environment;
  /** Makes the policy to adopt from the one in `config/policy.json`. */
  policyOf?: (shipped: MarketPolicy) => unknown;
}

/** Runs the exchange until it is told to stop. */
export async function runExchange({
  env = process.env,
  policyOf = (shipped) => shipped,
  ...parts
}: OtherParts = {}): Promise<void> {
  const loaded = loadExchangeConfig(env, {
    instruments: readJson("instruments"),
    policy: policyOf(readJson("policy") as MarketPolicy),
  });
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(problem);
    process.exitCode = 2;
    return;
  }
  const { config } = loaded;
  const log = pino({ level: config.logLevel });
  const onFatal = (error: Error) => {
    log.fatal(
      { reason: error.message, stack: error.stack },
      "stopping: nothing may go on from here",
    );
    process.abort();
  };
  try {
    const exchange = await createExchange(config, { clock: systemClock, log, onFatal, ...parts });
    const port = await exchange.listen();
    log.info({ url: `http://${config.host}:${port}`, dataDir: config.dataDir }, "exchange ready");
    stopOnSignal(() => exchange.close());
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

/** First signal: stop in order. Second: at once. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop().then(
        () => process.exit(0),
        (error: Error) => {
          console.error(error.message);
          process.exit(1);
        },
      );
    });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await runExchange();
