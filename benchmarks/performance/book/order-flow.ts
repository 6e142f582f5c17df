/**
 * Four deterministic order flows for measuring order books against each other, and the checksum of a
 * trade stream by which any two engines can be shown to agree. A seed gives the same bytes anywhere.
 */
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import { Random } from "#simulation/random.ts";
import { FlowWriter, type LiveOrder, PRICE_TICKS_END, RECORD_FIELDS } from "./flow-writer.ts";

/**
 * - A, mixed: passive orders around a wandering middle, cancels, and takers of all sizes.
 * - B, requote: 10,000 suppliers who cancel and quote again nearby; a few small market buys.
 * - C, callstorm: seven in ten are tiny market buys, as when every API call is one.
 * - D, deep: 20 prices with some 500 orders each, which punishes a cancel that walks its price.
 */
export const WORKLOADS = ["A", "B", "C", "D"] as const;
export type Workload = (typeof WORKLOADS)[number];

export const EVENTS_DEFAULT = 1_000_000;
export const SEED_DEFAULT = 42;
/** Orders that a flow rests first and then hovers around. */
const RESTING_TARGET = 10_000;
const FILE_MAGIC = 0x4f424b31;
const HEADER_BYTES = 16;

export interface OrderFlow {
  workload: Workload;
  /** Flattened records of `RECORD_FIELDS` integers, the prefill first. */
  records: Int32Array;
  /** Records that only fill the book; measuring starts after them. */
  prefill: number;
  /** Records after the prefill. */
  events: number;
  /** Highest order id of the flow; ids start at 1. */
  lastId: number;
}

interface FlowContext {
  flow: FlowWriter;
  random: Random;
  events: number;
}

/** Steers towards the target: takers grow with the fourth power of how full the book is. */
const fullness = (flow: FlowWriter) => (flow.liveCount / RESTING_TARGET) ** 4;
const eitherWay = (random: Random) => (random.fraction() < 0.5 ? -1 : 1);

function mixed({ flow, random, events }: FlowContext): number {
  for (let n = 0; n < RESTING_TARGET; n += 1) flow.addPassive(120, random.bit(), 1, 100);
  for (let n = 0; n < events; n += 1) {
    if (random.fraction() < 0.02) flow.midTicks += eitherWay(random);
    const draw = random.fraction();
    if (draw < 0.55 || flow.liveCount < 200) flow.addPassive(120, random.bit(), 1, 100);
    else if (draw < 0.9) flow.cancelRandom();
    else {
      const side = random.bit();
      const wanted = Math.round(random.fraction() * 2 * (2 * fullness(flow)) * 50);
      const quantity = Math.max(1, wanted);
      if (random.fraction() < 0.5) flow.market(side, quantity);
      else {
        const beyond = random.between(0, 5);
        const limitTicks =
          side === BUY
            ? Math.min(PRICE_TICKS_END - 2, flow.bestAskTicks + beyond)
            : Math.max(1, flow.bestBidTicks - beyond);
        flow.immediate(side, limitTicks, quantity);
      }
    }
  }
  return RESTING_TARGET;
}

function requote({ flow, random, events }: FlowContext): number {
  const bids = 2_000;
  for (let n = 0; n < bids; n += 1) flow.addPassive(100, BUY, 100, 1_000);
  const quotes: LiveOrder[] = [];
  for (let n = 0; n < RESTING_TARGET; n += 1) {
    const priceTicks = flow.midTicks + 1 + random.exponential(60);
    quotes.push(flow.add(SELL, priceTicks, random.between(100, 1_000)));
  }
  const quoteAgain = (supplier: number) => {
    const { priceTicks } = quotes[supplier] as LiveOrder;
    let next = Math.max(priceTicks + random.between(-3, 3), flow.bestBidTicks + 1);
    if (next > flow.midTicks + 600) next = flow.midTicks + 1 + random.exponential(60);
    quotes[supplier] = flow.add(SELL, next, random.between(100, 1_000));
  };
  let cancelled = -1;
  for (let n = 0; n < events; n += 1) {
    if (cancelled >= 0) {
      quoteAgain(cancelled);
      cancelled = -1;
    } else if (random.fraction() < 0.113) {
      flow.market(BUY, random.between(1, 400));
      if (random.fraction() < 0.01) flow.midTicks += eitherWay(random);
    } else {
      const supplier = random.between(0, RESTING_TARGET - 1);
      const quote = quotes[supplier] as LiveOrder;
      if (quote.place === -1) quoteAgain(supplier);
      else {
        flow.cancel(quote);
        cancelled = supplier;
      }
    }
  }
  return RESTING_TARGET + bids;
}

function callstorm({ flow, random, events }: FlowContext): number {
  const bids = 500;
  for (let n = 0; n < RESTING_TARGET; n += 1) flow.addPassive(10, SELL, 100, 1_000);
  for (let n = 0; n < bids; n += 1) flow.addPassive(10, BUY, 100, 1_000);
  for (let n = 0; n < events; n += 1) {
    const draw = random.fraction();
    if (draw < 0.7) {
      flow.market(BUY, random.between(1, 2 * Math.max(1, Math.round(78 * fullness(flow)))));
    } else if (draw < 0.9) {
      flow.addPassive(10, random.fraction() < 0.97 ? SELL : BUY, 100, 1_000);
    } else flow.cancelRandom();
  }
  return RESTING_TARGET + bids;
}

function deep({ flow, random, events }: FlowContext): number {
  const add = () => {
    const side = random.bit();
    const quantity = random.between(1, 100);
    const distance = random.between(1, 10);
    flow.add(side, flow.midTicks + (side === BUY ? -distance : distance), quantity);
  };
  for (let n = 0; n < RESTING_TARGET; n += 1) add();
  for (let n = 0; n < events; n += 1) {
    const draw = random.fraction();
    if (draw < 0.45 || flow.liveCount < 8_000) add();
    else if ((draw < 0.9 && flow.liveCount < 12_000) || flow.liveCount > 11_500) {
      flow.cancelRandom();
    } else {
      const side = random.bit();
      flow.market(side, random.between(1, 10));
    }
  }
  return RESTING_TARGET;
}

const GENERATORS = { A: mixed, B: requote, C: callstorm, D: deep };

/** Generates a flow of `events` records after the prefill. */
export function generateOrderFlow(
  workload: Workload,
  { events = EVENTS_DEFAULT, seed = SEED_DEFAULT }: { events?: number; seed?: number } = {},
): OrderFlow {
  const random = new Random(seed);
  const flow = new FlowWriter(random);
  const prefill = GENERATORS[workload]({ flow, random, events });
  const records = Int32Array.from(flow.records);
  return {
    workload,
    records,
    prefill,
    events: records.length / RECORD_FIELDS - prefill,
    lastId: flow.lastId,
  };
}

/** The flow as a file for engines in other languages: four int32 of header, then the records, little-endian. */
export function encodeOrderFlow(flow: OrderFlow): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + flow.records.length * 4);
  const view = new DataView(bytes.buffer);
  [FILE_MAGIC, flow.prefill, flow.events, PRICE_TICKS_END].forEach((value, n) => {
    view.setInt32(n * 4, value, true);
  });
  flow.records.forEach((value, n) => {
    view.setInt32(HEADER_BYTES + n * 4, value, true);
  });
  return bytes;
}

/** Folds a trade stream, in order, into a short text: FNV-1a over 32-bit words, trades, quantity. */
export class TradeChecksum {
  #hash = 0x811c9dc5 | 0;
  #trades = 0;
  #quantity = 0;

  trade(maker: number, taker: number, priceTicks: number, quantity: number): void {
    const prime = 0x01000193;
    let hash = Math.imul(this.#hash ^ maker, prime);
    hash = Math.imul(hash ^ taker, prime);
    hash = Math.imul(hash ^ priceTicks, prime);
    this.#hash = Math.imul(hash ^ quantity, prime);
    this.#trades += 1;
    this.#quantity += quantity;
  }

  /** `hash/trades/quantity`, the hash as eight hex digits. */
  toString(): string {
    const hash = (this.#hash >>> 0).toString(16).padStart(8, "0");
    return `${hash}/${this.#trades}/${this.#quantity}`;
  }
}
