/**
 * A core with a small market in it, for tests: the policy and instruments as shipped, named
 * accounts, and words for the usual commands. Every option a test sets matters to that test.
 */
import { readFileSync } from "node:fs";
import type { Instrument } from "#protocol/instrument.ts";
import type { Command, CommandResult, CommandType, PlaceOrder } from "./commands.ts";
import { createCore, restoreCore } from "./core.ts";
import type { Core } from "./core-port.ts";
import type { CoreEvent } from "./events.ts";
import { invariantBreaches } from "./invariants.ts";
import type { MarketPolicy } from "./policy.ts";
import type { CoreState } from "./state.ts";

const config = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../config/${name}.json`, import.meta.url), "utf8"));

/** Midnight UTC of a day far from any edge: on the slot grid and the window grid. */
export const START_MS = Date.UTC(2026, 10, 2);
export const SYMBOL = "text-lite";
export const policy: MarketPolicy = config("policy");
export const instruments: Instrument[] = config("instruments");

/** Never: verdicts are given and nothing follows from them, for tests that are about something else. */
const NEVER = 1e14;
export const quietSla: MarketPolicy["sla"] = {
  ...policy.sla,
  windowMs: NEVER,
  breakerFailures: NEVER,
  throttleRequestsMin: NEVER,
  suspensionRequestsMin: NEVER,
};

/** One Unit is this many increments. */
export const UNIT = 100;
/** One dollar per Unit is this many ticks. */
export const DOLLAR = 10_000;

export type PolicyOverrides = Partial<Omit<MarketPolicy, "safety">> & {
  safety?: MarketPolicy["safety"] | undefined;
};

export function createTestMarket(overrides: PolicyOverrides = {}) {
  return marketAround(createCore(), START_MS, overrides);
}

function marketAround(core: Core, startMs: number, overrides: PolicyOverrides | null) {
  const events: CoreEvent[] = [];
  let nowMs = startMs;

  function tryTo<T extends CommandType>(command: Command<T>) {
    const executed = core.execute(command, nowMs);
    events.push(...executed.events);
    const breaches = invariantBreaches(core.state);
    if (breaches.length > 0) throw new Error(`after ${command.type}: ${breaches.join("; ")}`);
    return executed;
  }
  function run<T extends CommandType>(command: Command<T>): CommandResult<T> {
    const executed = tryTo(command);
    if (executed.ok) return executed.result;
    throw new Error(`${command.type}: ${executed.rejection.code}: ${executed.rejection.message}`);
  }
  if (overrides !== null) {
    const { safety, ...adopted } = { ...policy, ...overrides };
    // `undefined` takes the limits of prices away, for tests that are about something else.
    run({
      type: "adopt-policy",
      policy: safety === undefined ? adopted : { ...adopted, safety },
    });
    for (const instrument of instruments) run({ type: "list-instrument", instrument });
  }

  let references = 0;
  const keys = new Set<string>();
  return {
    core,
    events,
    tryTo,
    run,
    get state(): CoreState {
      return core.state;
    },
    nowMs: () => nowMs,
    /** Another market, restored from this one's snapshot. */
    restored: () => marketAround(restoreCore(core.snapshot()), nowMs, null),
    /** Moves time and nothing else: as when the exchange is down. */
    skip(ms: number) {
      nowMs += ms;
    },
    /** Moves time and lets due things run. */
    advance(ms: number) {
      nowMs += ms;
      while (run({ type: "tick" }).more) {}
    },
    balance: (name: string) => core.state.ledger.balance(name),
    free: (name: string) => core.state.ledger.free(name),
    /**
     * An account with that many micro-dollars available. What it buys can be drawn on at once, unless the
     * test is about Units in Trading.
     */
    account(
      name: string,
      micros = 0n,
      mode: "easy" | "advanced" = "easy",
      { autoTransfer = true } = {},
    ): number {
      const { account } = run({ type: "open-account", name, mode, autoTransfer });
      if (micros > 0n) this.deposit(account, micros);
      return account;
    },
    deposit(account: number, amountMicros: bigint, to: "available" | "bond" = "available") {
      references += 1;
      run({ type: "deposit", account, amountMicros, to, reference: `ref-${references}` });
    },
    /** A supplier with bond and one linked node of that capacity in Units (before theta). */
    supplier(name: string, options: { bondMicros?: bigint; capacityUnits?: number } = {}) {
      const account = this.account(name, 0n, "advanced");
      this.deposit(account, options.bondMicros ?? 100_000_000n, "bond");
      const tokenHash = `token-${name}`;
      run({
        type: "create-join-token",
        account,
        tokenHash,
        nodesMax: 1,
        expiresAtMs: nowMs + 60_000,
      });
      const { node } = run({ type: "enrol-node", tokenHash, publicKey: `key-${name}`, name });
      this.link(node, options.capacityUnits ?? 1000);
      return { account, node };
    },
    link(node: number, capacityUnits: number, session = `session-${node}`) {
      run({
        type: "connect-node",
        node,
        session,
        slots: 4,
        supplies: [{ symbol: SYMBOL, capacityTokens: capacityUnits * 1_000_000 }],
      });
    },
    unlink(node: number, session = `session-${node}`) {
      run({ type: "disconnect-node", node, session, reason: "test" });
    },
    order(account: number, fields: Partial<PlaceOrder>): Command<"place-order"> {
      return {
        type: "place-order",
        account,
        symbol: SYMBOL,
        side: "buy",
        orderType: "limit",
        timeInForce: "gtc",
        quantity: UNIT,
        priceTicks: fields.orderType === "market" ? null : DOLLAR,
        maxSlippageBps: null,
        postOnly: false,
        clientOrderId: null,
        issueMissing: fields.side === "sell",
        ...fields,
      };
    },
    ask(account: number, priceTicks: number, quantity: number): number {
      return run(this.order(account, { side: "sell", priceTicks, quantity })).order;
    },
    /** The account's API key, made when it is first needed. */
    keyOf(account: number): string {
      const keyId = `key-${account}`;
      if (!keys.has(keyId)) {
        keys.add(keyId);
        tryTo({ type: "add-api-key", account, keyId, secretHash: "hash", label: "test" });
      }
      return keyId;
    },
    reserve(account: number, promptTokens: number, maxOutputTokens: number | null, choices = 1) {
      const reserved = this.tryReserve(account, promptTokens, maxOutputTokens, choices);
      if (reserved.ok) return reserved.result;
      throw new Error(`${reserved.rejection.code}: ${reserved.rejection.message}`);
    },
    tryReserve(account: number, promptTokens: number, maxOutputTokens: number | null, choices = 1) {
      return tryTo({
        keyId: this.keyOf(account),
        type: "reserve-delivery",
        account,
        symbol: SYMBOL,
        promptTokens,
        maxOutputTokens,
        choices,
        requestId: "test",
      });
    },
    settle(delivery: number, promptTokens: number, completionTokens: number, attempt = 1) {
      return run({
        type: "settle-delivery",
        delivery,
        attempt,
        promptTokens,
        completionTokens,
        firstTokenMs: 10,
        durationMs: 20,
        measured: { firstTokenMs: null, tokensPerSecond: null },
        reportedTokens: null,
        outputSha256: null,
        finishReason: "stop",
        cause: "done",
      });
    },
  };
}
