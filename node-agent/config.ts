/** The agent's settings: flags over environment over defaults; every problem is reported at once. */
import { parseDecimal } from "#protocol/money.ts";
import { JOIN_TOKEN } from "#protocol/signing.ts";

export interface AgentConfig {
  exchangeUrl: string;
  joinToken: string | null;
  backendUrl: string | null;
  backendApiKey: string | undefined;
  dataDir: string;
  symbol: string;
  /** Dollars per Unit. */
  price: string;
  /** Units. */
  quantity: string;
  slots: number;
  name: string;
}

export interface AgentFlags {
  exchange?: string;
  join?: string;
  backend?: string;
  dataDir?: string;
  instrument?: string;
  price?: string;
  units?: string;
  slots?: string;
  name?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function loadAgentConfig(
  env: Environment,
  flags: AgentFlags,
): { ok: true; config: AgentConfig } | { ok: false; problems: string[] } {
  const problems: string[] = [];
  const exchangeUrl = flags.exchange ?? env.GRIDSPOT_EXCHANGE ?? "";
  if (!/^wss?:\/\/[^/]+\/?$/.test(exchangeUrl)) {
    problems.push(`--exchange is "${exchangeUrl}", expected ws://host:port or wss://host`);
  }
  const joinToken = flags.join ?? env.GRIDSPOT_JOIN_TOKEN ?? null;
  if (joinToken !== null && !JOIN_TOKEN.test(joinToken)) {
    problems.push("--join is not a join token (gsj_…); ask the exchange's operator for one");
  }
  const price = flags.price ?? "0.50";
  const quantity = flags.units ?? "1";
  for (const [flag, value] of [
    ["--price", price],
    ["--units", quantity],
  ] as const) {
    const parsed = parseDecimal(value, 6);
    if (!parsed.ok) problems.push(`${flag}: ${parsed.reason}`);
    else if (parsed.value === 0n) problems.push(`${flag} is 0, expected more`);
  }
  const slots = Number(flags.slots ?? "4");
  if (!Number.isInteger(slots) || slots < 1 || slots > 4096) {
    problems.push(`--slots is "${flags.slots}", expected 1 to 4096`);
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: {
      exchangeUrl,
      joinToken,
      backendUrl: flags.backend ?? env.BACKEND_URL ?? null,
      backendApiKey: env.BACKEND_API_KEY,
      dataDir: flags.dataDir ?? env.GRIDSPOT_AGENT_DATA_DIR ?? "./data/agent",
      symbol: flags.instrument ?? "text-lite",
      price,
      quantity,
      slots,
      name: flags.name ?? "node",
    },
  };
}
