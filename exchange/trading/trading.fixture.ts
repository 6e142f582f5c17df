/**
 * The trading and operator APIs over a real core, shell and history in memory, with named accounts
 * whose requests are signed as a client would sign them.
 */
import { fastify } from "fastify";
import { createBackups } from "#exchange/backup/backups.ts";
import { manualClock } from "#exchange/clock.ts";
import type { Command, CommandResult, CommandType } from "#exchange/core/commands.ts";
import { instruments, policy, START_MS, SYMBOL } from "#exchange/core/core.fixture.ts";
import { createCore } from "#exchange/core/core.ts";
import { openHistory } from "#exchange/history/history.ts";
import { createMemoryJournal, createMemoryStore } from "#exchange/journal/memory-journal.ts";
import { createShell } from "#exchange/journaled-shell.ts";
import { operatorRoutes } from "#exchange/operator/routes.ts";
import { checkAnswers } from "#exchange/reference/answer-check.fixture.ts";
import { handleRefusals } from "#exchange/refusal-handler.ts";
import {
  createIdentity,
  fingerprintOf,
  type Identity,
  signedRequestText,
} from "#protocol/signing.ts";
import type { TradingLimits } from "./rate-limits.ts";
import { tradingRoutes } from "./routes.ts";
import { TRADING_BODY_BYTES_MAX } from "./scope.ts";

export const OPERATOR_TOKEN = "gso_test";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: {
    data?: unknown;
    paging?: { has_more: boolean; next_cursor: string | null; prev_cursor: string | null };
    errors?: { code: string; detail: string; message: string; details?: unknown };
  };
}

export interface Trader {
  account: number;
  identity: Identity;
  get(path: string): Promise<Answer>;
  post(path: string, body: object | string): Promise<Answer>;
  put(path: string, body: object | string): Promise<Answer>;
  delete(path: string): Promise<Answer>;
}

/** The signature headers of one request, as published. */
export function signatureHeaders(
  identity: Identity,
  nowMs: number,
  method: string,
  path: string,
  body = "",
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const text = signedRequestText(timestamp, method, path.split("?")[0] ?? "", body);
  return {
    "x-thegrid-timestamp": timestamp,
    "x-thegrid-fingerprint": fingerprintOf(identity.publicKey),
    "x-thegrid-signature": identity.sign(text).toString("base64"),
  };
}

export async function createTestExchange(
  options: { limits?: Partial<TradingLimits>; hosts?: readonly string[] } = {},
) {
  const clock = manualClock(START_MS);
  const errors: Error[] = [];
  const history = openHistory(":memory:");
  const store = createMemoryStore();
  const journal = createMemoryJournal(store);
  const shell = createShell(
    {},
    {
      core: createCore(),
      journal,
      clock,
      onFatal: (error) => errors.push(error),
    },
  );
  shell.subscribe((events) => history.apply(events));
  async function run<T extends CommandType>(command: Command<T>): Promise<CommandResult<T>> {
    const outcome = await shell.execute(command);
    if (outcome.ok) return outcome.result;
    throw new Error(`${command.type}: ${outcome.rejection.message}`);
  }
  await run({ type: "adopt-policy", policy });
  for (const instrument of instruments) await run({ type: "list-instrument", instrument });

  const exchangeIdentity = createIdentity();
  const app = fastify({ bodyLimit: TRADING_BODY_BYTES_MAX });
  const log = {
    error: (record: object) => void errors.push(new Error(JSON.stringify(record))),
  };
  handleRefusals(app, { bodyBytesMax: TRADING_BODY_BYTES_MAX }, { log });
  const undescribed = checkAnswers(app);
  for (const prefix of ["/v1", "/api/v1"]) {
    await app.register(tradingRoutes, { prefix, shell, history, clock, ...options });
  }
  await app.register(operatorRoutes, {
    prefix: "/operator/v1",
    shell,
    clock,
    identity: exchangeIdentity,
    operatorToken: OPERATOR_TOKEN,
    backups: createBackups(journal),
    history,
  });

  async function send(
    method: Method,
    url: string,
    headers: Record<string, string> = {},
    payload?: string,
  ): Promise<Answer> {
    const json = payload === undefined ? {} : { "content-type": "application/json" };
    const response = await app.inject({
      method,
      url,
      headers: { ...json, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    if (undescribed.length > 0) {
      throw new Error(undescribed.splice(0).join("\n"));
    }
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body === "" ? {} : response.json(),
    };
  }

  /** An account with a registered key and that many dollars. */
  async function trader(
    name: string,
    dollars = 0n,
    mode: "easy" | "advanced" = "advanced",
  ): Promise<Trader> {
    const { account } = await run({ type: "open-account", name, mode });
    const identity = createIdentity();
    const publicKey = identity.publicKey.toString("base64url");
    const fingerprint = fingerprintOf(identity.publicKey);
    await run({ type: "add-signing-key", account, fingerprint, publicKey, label: name });
    if (dollars > 0n) await deposit(account, dollars, "available");
    const written = (body: object | string) =>
      typeof body === "string" ? body : JSON.stringify(body);
    const signed = (method: Method, path: string, body?: string) =>
      send(method, path, signatureHeaders(identity, clock.nowMs(), method, path, body), body);
    return {
      account,
      identity,
      get: (path) => signed("GET", path),
      post: (path, body) => signed("POST", path, written(body)),
      put: (path, body) => signed("PUT", path, written(body)),
      delete: (path) => signed("DELETE", path),
    };
  }

  function deposit(account: number, dollars: bigint, to: "available" | "bond") {
    const reference = `${account}-${to}-${shell.state.seq}`;
    return run({ type: "deposit", account, amountMicros: dollars * 1_000_000n, to, reference });
  }

  /** A trader with bond and a linked node that may issue that many Units. */
  async function supplier(name: string, units = 100): Promise<Trader> {
    const seller = await trader(name, 10n);
    const { account } = seller;
    await deposit(account, 1_000n, "bond");
    const tokenHash = `token-${name}`;
    const expiresAtMs = clock.nowMs() + 60_000;
    await run({ type: "create-join-token", account, tokenHash, nodesMax: 1, expiresAtMs });
    const { node } = await run({ type: "enrol-node", tokenHash, publicKey: name, name });
    // Theta lets a quarter of the measured capacity be issued.
    const capacityTokens = units * 4 * 1_000_000;
    const supplies = [{ symbol: SYMBOL, capacityTokens }];
    await run({ type: "connect-node", node, session: name, slots: 4, supplies });
    return seller;
  }

  return {
    app,
    clock,
    errors,
    history,
    store,
    shell,
    run,
    send,
    trader,
    supplier,
    operator: (method: Method, path: string, body?: object, token = OPERATOR_TOKEN) =>
      send(
        method,
        `/operator/v1/${path}`,
        { authorization: `Bearer ${token}` },
        body === undefined ? undefined : JSON.stringify(body),
      ),
    async close() {
      await app.close();
      await shell.close();
      history.close();
    },
  };
}

export type TestExchange = Awaited<ReturnType<typeof createTestExchange>>;
