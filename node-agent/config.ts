/** The agent's settings: flags over environment over defaults; every problem is reported at once. */
import { join } from "node:path";
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
  logLevel: string;
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

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
/** As the link's messages have it. */
const SYMBOL = /^[a-z][a-z0-9-]{1,31}$/;
const NAME_CHARACTERS_MAX = 64;
const SLOTS_MAX = 4096;

/** Reads every setting; a problem is a sentence that begins with the flag or the variable. */
export function loadAgentConfig(
  env: Environment,
  flags: AgentFlags,
): { ok: true; config: AgentConfig } | { ok: false; problems: string[] } {
  const config: AgentConfig = {
    exchangeUrl: flags.exchange ?? given(env.GRIDSPOT_EXCHANGE) ?? "",
    joinToken: flags.join ?? given(env.GRIDSPOT_JOIN_TOKEN) ?? null,
    backendUrl: flags.backend ?? given(env.BACKEND_URL) ?? null,
    backendApiKey: given(env.BACKEND_API_KEY),
    dataDir: flags.dataDir ?? dataDirOf(env),
    symbol: flags.instrument ?? "text-lite",
    price: flags.price ?? "0.50",
    quantity: flags.units ?? "1",
    slots: Number(flags.slots ?? "4"),
    name: flags.name ?? "node",
    logLevel: given(env.GRIDSPOT_LOG_LEVEL) ?? "info",
  };
  const problems = problemsOf(config, flags);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config };
}

/** A variable without a value is one that is not set. */
function given(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === "" ? undefined : value;
}

function dataDirOf(env: Environment): string {
  const own = given(env.GRIDSPOT_AGENT_DATA_DIR);
  if (own !== undefined) return own;
  const common = given(env.GRIDSPOT_DATA_DIR);
  return common === undefined ? "./data/agent" : join(common, "agent");
}

function problemsOf(config: AgentConfig, flags: AgentFlags): string[] {
  const problems: string[] = [];
  const { exchangeUrl, joinToken, backendUrl, symbol, slots, name, logLevel } = config;
  if (!isExchangeUrl(exchangeUrl)) {
    problems.push(`--exchange is "${exchangeUrl}", expected ws://host:port or wss://host`);
  }
  if (joinToken !== null && !JOIN_TOKEN.test(joinToken)) {
    problems.push("--join is not a join token (gsj_…); ask the exchange's operator for one");
  }
  if (backendUrl !== null && !/^https?:$/.test(parsedUrl(backendUrl)?.protocol ?? "")) {
    problems.push(`--backend is "${backendUrl}", expected http://host:port`);
  }
  if (!SYMBOL.test(symbol)) {
    problems.push(`--instrument is "${symbol}", expected a symbol like text-lite`);
  }
  for (const [flag, value] of [
    ["--price", config.price],
    ["--units", config.quantity],
  ] as const) {
    const parsed = parseDecimal(value, 6);
    if (!parsed.ok) problems.push(`${flag}: ${parsed.reason}`);
    else if (parsed.value === 0n) problems.push(`${flag} is 0, expected more`);
  }
  if (!Number.isInteger(slots) || slots < 1 || slots > SLOTS_MAX) {
    problems.push(`--slots is "${flags.slots}", expected 1 to ${SLOTS_MAX}`);
  }
  if (name.trim() === "" || name.length > NAME_CHARACTERS_MAX) {
    problems.push(`--name has ${name.length} characters, expected 1 to ${NAME_CHARACTERS_MAX}`);
  }
  if (!LOG_LEVELS.includes(logLevel)) {
    problems.push(`GRIDSPOT_LOG_LEVEL is "${logLevel}", expected one of ${LOG_LEVELS.join(", ")}`);
  }
  return problems;
}

/** A WebSocket address without a path: the link's path is the exchange's business. */
function isExchangeUrl(text: string): boolean {
  const url = parsedUrl(text);
  if (url === null || !/^wss?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === "" && url.pathname === "/";
}

function parsedUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
