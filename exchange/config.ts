/**
 * The exchange's settings: environment and `config/*.json` in, one frozen object or all problems at
 * once out. Nothing else reads either.
 */
import { Compile } from "typebox/compile";
import { type MarketPolicy, MarketPolicySchema } from "#exchange/core/policy.ts";
import { type Instrument, InstrumentSchema, instrumentProblems } from "#protocol/instrument.ts";

export interface ExchangeConfig {
  dataDir: string;
  host: string;
  port: number;
  logLevel: string;
  /** Names under which clients reach it, with ports; empty: not said. */
  publicHosts: readonly string[];
  instruments: readonly Instrument[];
  policy: MarketPolicy;
}

/** The contents of the files under `config/`, parsed from JSON and not yet believed. */
export interface ConfigFiles {
  instruments: unknown;
  policy: unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Loaded<T> = { ok: true; config: T } | { ok: false; problems: string[] };

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];
const checkInstrument = Compile(InstrumentSchema);
const checkPolicy = Compile(MarketPolicySchema);

/** Reads every setting; a problem is a sentence that names the variable or file, what came and what was expected. */
export function loadExchangeConfig(env: Environment, files: ConfigFiles): Loaded<ExchangeConfig> {
  const problems: string[] = [];
  const port = portOf(env.GRIDSPOT_PORT ?? "8080", problems);
  const logLevel = env.GRIDSPOT_LOG_LEVEL ?? "info";
  if (!LOG_LEVELS.includes(logLevel)) {
    problems.push(`GRIDSPOT_LOG_LEVEL is "${logLevel}", expected one of ${LOG_LEVELS.join(", ")}`);
  }
  const dataDir = env.GRIDSPOT_DATA_DIR ?? "./data";
  if (dataDir.trim() === "") problems.push("GRIDSPOT_DATA_DIR is empty, expected a folder");
  const instruments = instrumentsOf(files.instruments, problems);
  if (!checkPolicy.Check(files.policy)) {
    const error = checkPolicy.Errors(files.policy)[0];
    problems.push(`config/policy.json: ${error?.instancePath || "/"} ${error?.message}`);
  }
  const publicHosts = hostsOf(env.GRIDSPOT_PUBLIC_HOSTS ?? "", problems);
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: Object.freeze({
      dataDir,
      host: env.GRIDSPOT_HOST ?? "127.0.0.1",
      port,
      logLevel,
      publicHosts,
      instruments,
      policy: files.policy as MarketPolicy,
    }),
  };
}

/** A list with commas; hosts are compared in lower case. */
function hostsOf(text: string, problems: string[]): string[] {
  const hosts = text
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== "");
  const wrong = hosts.find(
    (host) => !/^[a-z0-9.-]+(:\d{1,5})?$|^\[[0-9a-f:]+\](:\d{1,5})?$/.test(host),
  );
  if (wrong !== undefined) {
    problems.push(
      `GRIDSPOT_PUBLIC_HOSTS names "${wrong}", expected hosts like exchange.example:8080, with commas between`,
    );
  }
  return hosts;
}

function portOf(text: string, problems: string[]): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  problems.push(`GRIDSPOT_PORT is "${text}", expected a number from 0 to 65535`);
  return 0;
}

function instrumentsOf(value: unknown, problems: string[]): Instrument[] {
  if (!Array.isArray(value) || value.length === 0) {
    problems.push("config/instruments.json: expected a list with at least one instrument");
    return [];
  }
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    if (!checkInstrument.Check(entry)) {
      const error = checkInstrument.Errors(entry)[0];
      problems.push(
        `config/instruments.json entry ${index}: ${error?.instancePath || "/"} ${error?.message}`,
      );
      continue;
    }
    problems.push(...instrumentProblems(entry).map((text) => `config/instruments.json: ${text}`));
    if (seen.has(entry.symbol)) {
      problems.push(`config/instruments.json: ${entry.symbol} is listed twice`);
    }
    seen.add(entry.symbol);
  }
  return value as Instrument[];
}
