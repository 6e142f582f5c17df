/**
 * The mixes of commands that `bench:core` measures. Each keeps at least 10,000 orders resting and at
 * least 5,000 Lots open from the first measured command to the last; `command-flows.test.ts` holds it.
 */
import type { Side } from "#exchange/core/commands.ts";
import type { CommandFlow } from "./flow-recorder.ts";
import { FlowRecorder, SYMBOL } from "./flow-recorder.ts";

/**
 * - trading: 45 % limit orders with client ids (half asks that issue what they miss, half bids), 35 %
 *   cancels, 20 % market orders.
 * - requote: suppliers who cancel an ask and place another nearby.
 * - calls: reservations in Auto Mode and their settlements, some hundred requests open at a time.
 * - expiries: ticks, each of which finds Lots that have run out.
 */
export const MIXES = ["trading", "requote", "calls", "expiries"] as const;
export type Mix = (typeof MIXES)[number];

export const RESTING_MIN = 10_000;
export const LOTS_MIN = 5_000;
const RESTING_TARGET = 11_000;
const LOTS_AT_START = 6_000;
const MIDDLE_TICKS = 10_000;
const DISTANCE_TICKS_MEAN = 120;
const OPEN_REQUESTS = 400;
const TICK_MS = 250;
const LOTS_PER_TICK = 62;
const OUTPUT_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

interface LiveOrder {
  account: number;
  order: number;
  side: Side;
  priceTicks: number;
}

/** A market with resting orders, in which a flow goes on. */
class Market {
  readonly recorder: FlowRecorder;
  readonly live: LiveOrder[] = [];
  #clientIds = 0;

  constructor(seed: number, buyerMode: "easy" | "advanced") {
    this.recorder = new FlowRecorder(seed, buyerMode);
  }

  get #random() {
    return this.recorder.random;
  }

  pick(accounts: readonly number[]): number {
    return accounts[this.#random.between(0, accounts.length - 1)] as number;
  }

  limit(side: Side, priceTicks: number, quantity: number, account?: number): void {
    const { recorder } = this;
    const owner = account ?? this.pick(side === "sell" ? recorder.suppliers : recorder.buyers);
    this.#clientIds += 1;
    const { order } = recorder.run({
      type: "place-order",
      account: owner,
      symbol: SYMBOL,
      side,
      orderType: "limit",
      timeInForce: "gtc",
      quantity,
      priceTicks,
      maxSlippageBps: null,
      postOnly: false,
      clientOrderId: `order-${this.#clientIds.toString(36)}`,
      issueMissing: side === "sell",
    });
    this.live.push({ account: owner, order, side, priceTicks });
  }

  /** An order on its own side of the middle, at exponential distance. */
  passive(side: Side, quantityMax = 100): void {
    const distance = 1 + this.#random.exponential(DISTANCE_TICKS_MEAN);
    const priceTicks = Math.max(1, MIDDLE_TICKS + (side === "sell" ? distance : -distance));
    this.limit(side, priceTicks, this.#random.between(1, quantityMax));
  }

  market(side: Side, quantity: number): void {
    const { recorder } = this;
    recorder.run({
      type: "place-order",
      account: this.pick(side === "sell" ? recorder.suppliers : recorder.buyers),
      symbol: SYMBOL,
      side,
      orderType: "market",
      timeInForce: "ioc",
      quantity,
      priceTicks: null,
      maxSlippageBps: null,
      postOnly: false,
      clientOrderId: null,
      issueMissing: side === "sell",
    });
  }

  /** Takes a random order that still rests, and says which. */
  cancelRandom(): LiveOrder {
    for (;;) {
      const at = this.#random.between(0, this.live.length - 1);
      const chosen = this.live[at] as LiveOrder;
      this.live[at] = this.live.at(-1) as LiveOrder;
      this.live.pop();
      if (!this.recorder.state.orders.has(chosen.order)) continue;
      const { account, order } = chosen;
      this.recorder.run({ type: "cancel-order", account, order });
      return chosen;
    }
  }

  get resting(): number {
    return this.recorder.state.orders.size;
  }

  side(): Side {
    return this.#random.bit() === 0 ? "buy" : "sell";
  }
}

/** Orders on both sides, and Lots from small market orders of both. */
function openMarket(seed: number, lots: number): Market {
  const market = new Market(seed, "advanced");
  for (let n = 0; n < RESTING_TARGET; n += 1) market.passive(n % 2 === 0 ? "buy" : "sell");
  for (let n = 0; n < lots; n += 1) {
    market.market(n % 2 === 0 ? "buy" : "sell", 1);
    if (market.resting < RESTING_TARGET) market.passive(market.side());
  }
  return market;
}

function trading(seed: number, commands: number): CommandFlow {
  const market = openMarket(seed, LOTS_AT_START);
  const { recorder } = market;
  recorder.startMeasuring();
  for (let n = 0; n < commands; n += 1) {
    const draw = recorder.random.fraction();
    if (draw < 0.45) market.passive(market.side());
    else if (draw < 0.8) market.cancelRandom();
    else {
      // Steers towards the target: takers grow with the fourth power of how full the book is.
      const mean = 25 * (market.resting / RESTING_TARGET) ** 4;
      market.market(market.side(), recorder.random.between(1, Math.ceil(2 * mean)));
    }
  }
  return recorder.flow();
}

function requote(seed: number, commands: number): CommandFlow {
  const market = openMarket(seed, LOTS_AT_START);
  const { recorder } = market;
  for (let n = 0; n < RESTING_TARGET / 2; n += 1) market.passive("sell");
  const asks = market.live.filter(
    ({ side, order }) => side === "sell" && recorder.state.orders.has(order),
  );
  market.live.splice(0, market.live.length, ...asks);
  recorder.startMeasuring();
  for (let n = 0; n < commands; n += 2) {
    const { account, priceTicks } = market.cancelRandom();
    const next = Math.max(MIDDLE_TICKS + 1, priceTicks + recorder.random.between(-3, 3));
    market.limit("sell", next, recorder.random.between(1, 100), account);
  }
  return recorder.flow();
}

/** Buyers hold leftovers of what they bought before, from many suppliers each, as after some hours. */
function calls(seed: number, commands: number): CommandFlow {
  const market = new Market(seed, "easy");
  const { recorder } = market;
  const { random, suppliers, buyers } = recorder;
  const open: OpenRequest[] = [];
  const reserve = (account: number, promptTokens: number, maxOutputTokens: number) => {
    const { delivery } = recorder.run({
      type: "reserve-delivery",
      account,
      symbol: SYMBOL,
      keyId: `key-${account}`,
      promptTokens,
      maxOutputTokens,
      choices: 1,
      requestId: `req-${random.next().toString(36)}`,
    });
    open.push({ delivery, promptTokens, maxOutputTokens });
  };
  const settleOldest = (share: number) => {
    const { delivery, promptTokens, maxOutputTokens } = open.shift() as OpenRequest;
    recorder.run({
      type: "settle-delivery",
      delivery,
      attempt: 1,
      promptTokens,
      completionTokens: Math.ceil(maxOutputTokens * share),
      firstTokenMs: 81.25,
      durationMs: 640.5,
      measured: { firstTokenMs: null, tokensPerSecond: null },
      reportedTokens: promptTokens,
      outputSha256: OUTPUT_SHA256,
      finishReason: "stop",
      cause: "done",
    });
  };
  for (const account of buyers) {
    const keyId = `key-${account}`;
    recorder.run({ type: "add-api-key", account, keyId, secretHash: OUTPUT_SHA256, label: "key" });
  }
  for (let n = 0; n < LOTS_AT_START; n += 1) {
    // One increment, which the reservation after it takes whole and later gives back a rest of. Each
    // round of the buyers starts at another supplier, so that a buyer's Lots have as many owers.
    const at = n + 7 * Math.floor(n / buyers.length);
    market.limit("sell", MIDDLE_TICKS, 1, suppliers[at % suppliers.length]);
    reserve(buyers[n % buyers.length] as number, 5_000, 5_000);
  }
  for (let n = 0; n < LOTS_AT_START; n += 1) settleOldest(0.97);
  while (market.resting < RESTING_TARGET) market.passive("sell");
  const reserveRandom = () => {
    reserve(market.pick(buyers), random.between(50, 1_500), random.between(256, 1_024));
  };
  for (let n = 0; n < OPEN_REQUESTS; n += 1) reserveRandom();
  recorder.startMeasuring();
  for (let n = 0; n < commands; n += 2) {
    settleOldest(random.fraction());
    reserveRandom();
  }
  return recorder.flow();
}

interface OpenRequest {
  delivery: number;
  promptTokens: number;
  maxOutputTokens: number;
}

/** `commands` Lots run out, some sixty of them at each tick. */
function expiries(seed: number, commands: number): CommandFlow {
  const market = openMarket(seed, 0);
  const { recorder } = market;
  const { state } = recorder;
  const everyMs = Math.floor(TICK_MS / LOTS_PER_TICK);
  while (state.lots.size < LOTS_AT_START + commands) {
    recorder.advance(everyMs);
    market.market(market.side(), 1);
    if (market.resting < RESTING_TARGET) market.passive(market.side());
  }
  const [first] = state.lots.values();
  recorder.advance((first?.expiresAtMs ?? 0) - state.nowMs);
  recorder.startMeasuring();
  while (state.lots.size > LOTS_AT_START) {
    recorder.advance(TICK_MS);
    recorder.run({ type: "tick" });
  }
  return recorder.flow();
}

const RECORDERS = { trading, requote, calls, expiries };

/** Records a mix of so many measured commands (of `expiries`: expiries). A seed gives the same flow anywhere. */
export function recordFlow(mix: Mix, commands: number, seed = 42): CommandFlow {
  return RECORDERS[mix](seed, commands);
}
