/** A supplier that outlives the exchange: the real agent on a scripted backend, linking again by itself. */
import { join } from "node:path";
import { pino } from "pino";
import { type Agent, createAgent } from "#agent/agent.ts";
import { createBackendClient } from "#agent/backends/openai-client.ts";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { type ScriptedBackend, startScriptedBackend } from "#demo/scripted-backend.ts";
import type { Random } from "#simulation/random.ts";

const SLOTS = 16;
/** Slow enough for a kill to fall into an answer. */
const WORD_MS = 4;
/** Share of the agent's drawn back-off: a market here is not worth thirty seconds. */
const BACK_OFF_SHARE = 0.1;
/** Claimed, so that capacity never ends what the run is about. */
const MEASUREMENT = { requests: 3, errors: 0, firstTokenMsP50: 20, tokensPerSecondP50: 50_000 };

export interface SupplierOptions {
  name: string;
  dataDir: string;
  url: string;
  joinToken: string;
  symbol: string;
  price: string;
}

export interface Supplier {
  readonly isLinked: boolean;
  close(): Promise<void>;
}

/** Starts backend and agent; resolves when the agent has quoted. */
export async function startSupplier(
  { name, dataDir, url, joinToken, symbol, price }: SupplierOptions,
  { random }: { random: Random },
): Promise<Supplier> {
  const backend: ScriptedBackend = await startScriptedBackend({ wordMs: WORD_MS });
  const dir = join(dataDir, name);
  const agent: Agent = createAgent(
    {
      exchangeUrl: url.replace(/^http/, "ws"),
      nodeName: name,
      joinToken,
      build: "gridspot-agent crash",
      quote: { symbol, price, quantity: "5" },
      slots: SLOTS,
      contextTokens: null,
      measurement: MEASUREMENT,
    },
    {
      identity: loadIdentity(dir),
      pin: loadExchangePin(dir, joinToken),
      client: createBackendClient({ ...backend, connections: SLOTS }),
      log: pino({ level: "silent" }),
      random: () => random.fraction() * BACK_OFF_SHARE,
    },
  );
  await agent.start();
  return {
    get isLinked() {
      return agent.isLinked;
    },
    async close() {
      await agent.drain("the run is over");
      await backend.close();
    },
  };
}
