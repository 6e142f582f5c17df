/** A whole exchange in this process, on a real disk and a free port, and its operator. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createExchange } from "./app.ts";
import { systemClock } from "./clock.ts";
import { loadExchangeConfig } from "./config.ts";
import type { Command, CommandResult, CommandType } from "./core/commands.ts";

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../config/${name}.json`, import.meta.url), "utf8"));

/** Starts one; `close` ends it and removes what it wrote. */
export async function startRunningExchange() {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-running-"));
  const env = { GRIDSPOT_DATA_DIR: dir, GRIDSPOT_PORT: "0" };
  const files = { instruments: readJson("instruments"), policy: readJson("policy") };
  const loaded = loadExchangeConfig(env, files);
  if (!loaded.ok) throw new Error(loaded.problems.join("; "));
  const exchange = await createExchange(loaded.config, {
    clock: systemClock,
    log: pino({ level: "silent" }),
    onFatal(error) {
      throw error;
    },
  });
  const url = `http://127.0.0.1:${await exchange.listen()}`;

  async function run<T extends CommandType>(command: Command<T>): Promise<CommandResult<T>> {
    const outcome = await exchange.shell.execute(command);
    if (outcome.ok) return outcome.result;
    throw new Error(`${command.type}: ${outcome.rejection.message}`);
  }

  /** Asks the operator's API; throws what is refused. */
  async function operator(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${url}/operator/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${exchange.secrets.operatorToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { data?: unknown };
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.data;
  }

  return {
    url,
    shell: exchange.shell,
    run,
    operator,
    async close() {
      await exchange.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
export type RunningExchange = Awaited<ReturnType<typeof startRunningExchange>>;
