/** The agent's process: settings, backend, signals, exit code. */
import { pino } from "pino";
import { createAgent } from "./agent.ts";
import { detectBackend, findUsualBackend } from "./backends/detect.ts";
import { createBackendClient } from "./backends/openai-client.ts";
import { type AgentFlags, loadAgentConfig } from "./config.ts";
import { readHardware } from "./hardware.ts";
import { loadExchangePin, loadIdentity } from "./identity.ts";
import { measureBackend } from "./measurement.ts";

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
  const log = pino({ level: process.env.GRIDSPOT_LOG_LEVEL ?? "info" });
  const exchangePort = Number(new URL(config.exchangeUrl).port || 0);
  const backend =
    config.backendUrl === null
      ? await findUsualBackend(exchangePort)
      : await detectBackend(config.backendUrl, config.backendApiKey);
  if (backend === null) {
    const where = config.backendUrl ?? "the usual ports (8000, 30000, 8080, 8081, 11434, 1234)";
    console.error(
      `no OpenAI-compatible server answers at ${where}; start it or name it: --backend`,
    );
    process.exitCode = 1;
    return;
  }
  const model = backend.models[0] ?? "";
  log.info({ kind: backend.kind, url: backend.url, model }, "backend found");
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
      pin: loadExchangePin(config.dataDir, config.joinToken),
      client,
      log,
      random: Math.random,
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
