/** The agent's process: settings, backend, signals, exit code. */
import { pino } from "pino";
import { createAgent } from "./agent.ts";
import {
  findUsualBackend,
  type Inspection,
  inspectBackend,
  USUAL_BACKENDS,
} from "./backends/detect.ts";
import { createBackendClient } from "./backends/openai-client.ts";
import { type AgentConfig, type AgentFlags, loadAgentConfig } from "./config.ts";
import { readHardware } from "./hardware.ts";
import { loadExchangePin, loadIdentity } from "./identity.ts";
import { measureBackend } from "./measurement.ts";
import { openAcceptedAttempts } from "./serving/accepted-attempts.ts";

const BUILD = "gridspot-agent 0.1.0";

/** Runs the agent until it is told to stop. */
export async function runAgent(flags: AgentFlags): Promise<void> {
  const loaded = loadAgentConfig(process.env, flags);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(problem);
    process.exitCode = 2;
    return;
  }
  const { config } = loaded;
  const log = pino({ level: config.logLevel });
  const exchangePort = Number(new URL(config.exchangeUrl).port || 0);
  const found = await findBackend(config, exchangePort);
  if (!found.ok) {
    console.error(found.reason);
    process.exitCode = 1;
    return;
  }
  const { backend } = found;
  const model = backend.models[0] ?? "";
  log.info({ ...backend, model }, "backend found");
  log.info(await readHardware(), "hardware");
  const client = createBackendClient({
    url: backend.url,
    model,
    apiKey: config.backendApiKey,
    connections: config.slots,
  });
  const measurement = await measureBackend(client, { monotonicMs: () => performance.now() });
  log.info(measurement, "backend measured");
  const agent = createAgent(
    {
      exchangeUrl: config.exchangeUrl,
      nodeName: config.name,
      joinToken: config.joinToken,
      build: BUILD,
      quote: { symbol: config.symbol, price: config.price, quantity: config.quantity },
      slots: config.slots,
      contextTokens: backend.contextTokens,
      measurement,
    },
    {
      identity: loadIdentity(config.dataDir),
      accepted: openAcceptedAttempts(config.dataDir),
      pin: loadExchangePin(config.dataDir, config.joinToken),
      client,
      log,
      random: Math.random,
      nowMs: Date.now,
      onGivenUp: () => process.exit(1),
    },
  );
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, "draining: running deliveries are finished first");
      agent.drain(signal).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  try {
    await agent.start();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

/** The server that was named, or the first of the usual ones; the exchange's own port is none. */
async function findBackend(config: AgentConfig, exchangePort: number): Promise<Inspection> {
  if (config.backendUrl !== null) {
    return inspectBackend(config.backendUrl, { apiKey: config.backendApiKey });
  }
  const backend = await findUsualBackend(exchangePort);
  if (backend !== null) return { ok: true, backend };
  const ports = USUAL_BACKENDS.map(({ url }) => new URL(url).port).join(", ");
  const reason = `no OpenAI-compatible server answers at the usual ports (${ports}); start it or name it: --backend`;
  return { ok: false, reason };
}
