/** The core and the naive market side by side: the same commands to both, compared after each. */
import { expect } from "vitest";
import type { Command, Side } from "#exchange/core/commands.ts";
import { instruments, START_MS } from "#exchange/core/core.fixture.ts";
import { createCore, restoreCore } from "#exchange/core/core.ts";
import type { Core } from "#exchange/core/core-port.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { breachesInSteps } from "#exchange/core/invariants.ts";
import type { MarketPolicy } from "#exchange/core/policy.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { decide } from "./decisions.fixture.ts";
import { createModel, type Model } from "./market.fixture.ts";
import type { Tally } from "./run-tally.fixture.ts";
import { coreView, modelView } from "./views.fixture.ts";
import { BUYERS, DRAWERS, keyOf, NODES, SUPPLIERS, TRADERS } from "./wish.fixture.ts";

const lite = instruments.find((each) => each.symbol === "text-lite") as Instrument;
/** Many increments of output without a maximum; and one whose smallest fill is 2 micro-dollars. */
const LISTED: Instrument[] = [
  { ...lite, defaultMaxOutputTokens: 60_000 },
  { ...lite, symbol: "text-odd", incrementTokens: 40_000, tickMicrosPerUnit: 50 },
];

export interface Real {
  core: Core;
  events: CoreEvent[];
  restarts: number;
  /** Through the core's state, some steps after each command: no command may disturb it. */
  walk: { core: Core; steps: Generator<string | null> } | null;
}

const STEPS_PER_COMMAND = 7;

function walkOn(real: Real): void {
  // Another core took over: the walk ended with the one before.
  if (real.walk?.core !== real.core) {
    real.walk = { core: real.core, steps: breachesInSteps(real.core.state) };
  }
  for (let step = 0; step < STEPS_PER_COMMAND; step += 1) {
    const { done, value } = real.walk.steps.next();
    if (done !== true) expect(value).toBeNull();
    else {
      real.walk = null;
      return;
    }
  }
}

/** Gives one command to both and holds the core to what the model says. */
export function both(model: Model, real: Real, command: Command, nowMs: number) {
  const done = real.core.execute(command, nowMs);
  const meant = decide(model, command, nowMs, done.ok ? done.result : null);
  real.events.push(...done.events);
  if (done.ok) expect({ ok: true, result: done.result }).toEqual(meant);
  else if (meant.ok) expect({ refused: done.rejection }).toEqual(meant);
  else expect(meant.codes).toContain(done.rejection.code);
  const [shown, wanted] = [coreView(real.core.state), modelView(model)];
  if (JSON.stringify(shown) !== JSON.stringify(wanted)) expect(shown).toEqual(wanted);
  walkOn(real);
  for (const [asset, sum] of real.core.state.ledger.sums()) expect(sum, asset).toBe(0n);
  return done;
}

/** Whose Units wait in Trading for the sweep. */
const WAITING = [1, 2, 3, 5];
/** Ten minutes before a point of its grid. */
const BEGIN_MS = START_MS + 4 * 3_600_000 - 600_000;

/** Little enough to run out, of some accounts at once. */
const MONEY: Record<number, bigint> = {
  ...{ 1: 3_000n, 3: 900_000n, 4: 4_000_000n, 5: 300_000n, 6: 3_000_000n, 7: 60_000n },
};
/** Bond of all they sell at first: the second and third have hardly more than the policy asks for of it. */
const WHOLE_BONDS: Record<number, bigint> = { 1: 30_000_000n, 2: 125_000n, 3: 701_900n };

/** Something to buy from the start; and a trader that has Lots of two suppliers, the cheaper first. The third supplier trades too. */
type Opening = [side: Side, account: number, symbol: string, priceTicks: number, quantity: number];
const ORDERS: Opening[] = [
  ["sell", 3, "text-lite", 10_000, 10],
  ["buy", 4, "text-lite", 10_000, 10],
  ["sell", 1, "text-lite", 10_060, 42],
  ["buy", 4, "text-lite", 10_060, 12],
  ["sell", 2, "text-lite", 10_080, 8],
  ["sell", 3, "text-lite", 10_030, 60],
  ["sell", 1, "text-odd", 9_999, 12],
  ["sell", 2, "text-odd", 10_100, 2],
];

/** Accounts, money, nodes and orders that most commands need. */
function opening({ bondMarginBps }: MarketPolicy): Command[] {
  const commands: Command[] = [];
  for (const account of [...SUPPLIERS, ...TRADERS, ...BUYERS]) {
    const mode = BUYERS.includes(account) ? "easy" : "advanced";
    const autoTransfer = !WAITING.includes(account);
    commands.push({ type: "open-account", name: `account ${account}`, mode, autoTransfer });
    for (const to of ["available", "bond"] as const) {
      const bond = ((WHOLE_BONDS[account] ?? 0n) * BigInt(bondMarginBps)) / 10_000n;
      const amountMicros = to === "bond" ? bond : (MONEY[account] ?? 0n);
      if (amountMicros === 0n) continue;
      commands.push({ type: "deposit", account, amountMicros, to, reference: `${to} ${account}` });
    }
    if (!DRAWERS.includes(account)) continue;
    const keyId = keyOf(account);
    commands.push({ type: "add-api-key", account, keyId, secretHash: "hash", label: "key" });
  }
  // Enough for some requests and not for others.
  commands.push({
    ...{ type: "fund-exchange", fund: "cover", amountMicros: 90_000n, reference: "first" },
  });
  for (const [index, account] of NODES.entries()) {
    const [tokenHash, node] = [`${account}`, index + 1];
    const expiresAtMs = BEGIN_MS + 1;
    const supplies = LISTED.map(({ symbol }) => ({ symbol, capacityTokens: 16_000_000 }));
    commands.push(
      { type: "create-join-token", account, tokenHash, nodesMax: 1, expiresAtMs },
      { type: "enrol-node", tokenHash, publicKey: `key ${node}`, name: `node ${node}` },
      { type: "connect-node", node, session: "x", slots: 4, supplies },
    );
  }
  for (const [side, account, symbol, priceTicks, quantity] of ORDERS) {
    commands.push({
      ...{ type: "place-order", side, orderType: "limit", timeInForce: "gtc" },
      ...{ account, symbol, priceTicks, quantity, maxSlippageBps: null, postOnly: false },
      ...{ clientOrderId: null, issueMissing: side === "sell" },
    });
  }
  return commands;
}

export function setUp(adopted: MarketPolicy, tally: Tally): { model: Model; real: Real } {
  const core = createCore();
  const real: Real = { core, events: [], restarts: 0, walk: null };
  const listings = LISTED.map((instrument): Command => ({ type: "list-instrument", instrument }));
  for (const command of [{ type: "adopt-policy", policy: adopted } as const, ...listings]) {
    real.events.push(...core.execute(command, BEGIN_MS).events);
  }
  const model = createModel(adopted, LISTED, BEGIN_MS, tally);
  for (const command of opening(adopted)) {
    if (!both(model, real, command, BEGIN_MS).ok) throw new Error(`refused: ${command.type}`);
  }
  return { model, real };
}

/** What a restart starts from: the journal, or a snapshot of it. */
export function restarted(real: Real): Core {
  real.restarts += 1;
  return real.restarts % 2 === 0 ? restoreCore(real.core.snapshot()) : replayed(real.events);
}

export function replayed(events: readonly CoreEvent[]): Core {
  const core = createCore();
  for (const event of events) core.apply(event);
  return core;
}
