/**
 * Seeded flows of commands for the differential test: the four of `benchmarks/performance/book` in
 * small, so that the slow book keeps up, and a hostile one that does what a caller must not.
 */
import type { BookCommand } from "./book-commands.fixture.ts";
import { type BookSide, BUY, type OrderBook, SELL } from "./order-book-port.ts";

/** A whole number from 0 up to but not including `below`. */
export type Draw = (below: number) => number;

/** mulberry32: small, seeded, good enough to choose commands. */
export function seededDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What a flow may look at: the obvious book, its orders so far, and what it drew before. */
export interface FlowContext {
  draw: Draw;
  book: OrderBook;
  /** Numbers of the orders so far are 1 to this. */
  lastOrder: number;
}

export interface CommandFlow {
  flow: string;
  commands: number;
  ordersMax: number;
  next(context: FlowContext): BookCommand;
}

const MIDDLE = 50_000;

const sideOf = (draw: Draw): BookSide => (draw(2) === 0 ? BUY : SELL);

/** Small distances are likelier than large ones. */
const distance = (draw: Draw, max: number) => 1 + Math.min(draw(max), draw(max), draw(max));

function limit({ draw, lastOrder }: FlowContext, side: BookSide, ticks: number): BookCommand {
  const priceTicks = MIDDLE + (side === BUY ? -ticks : ticks);
  return { kind: "limit", side, priceTicks, quantity: 1 + draw(100), order: lastOrder + 1 };
}

/** An order among the newest, most of which still rest. */
function recent({ draw, lastOrder }: FlowContext, newest: number): number {
  return Math.max(1, lastOrder - draw(newest));
}

/** Takes more the fuller the book is, so that it hovers around `resting` orders. */
function take({ draw, book }: FlowContext, resting: number, unit: number): BookCommand {
  const quantity = 1 + draw(Math.max(1, Math.round(unit * (book.size / resting) ** 4)));
  const side = sideOf(draw);
  const limitTicks = draw(2) === 0 ? null : MIDDLE + draw(7) - 3;
  return { kind: "take", side, limitTicks, quantity };
}

/** Orders of all sides and distances that sometimes cross, cancels, takers, amendments. */
function mixed(context: FlowContext): BookCommand {
  const { draw } = context;
  const chance = draw(100);
  if (chance < 52) return limit(context, sideOf(draw), distance(draw, 600) - 3);
  if (chance < 85) return { kind: "remove", order: recent(context, 1_500) };
  if (chance < 89) return { kind: "reduce", order: recent(context, 500), quantity: 1 + draw(50) };
  return take(context, 700, 200);
}

/** Suppliers who cancel and quote again nearby. */
function requote(context: FlowContext): BookCommand {
  const { draw, book, lastOrder } = context;
  const chance = draw(100);
  if (chance < 6) return { kind: "take", side: BUY, limitTicks: null, quantity: 1 + draw(80) };
  if (chance < 8) return limit(context, BUY, distance(draw, 200));
  return book.size < 900 || lastOrder % 2 === 0
    ? limit(context, SELL, distance(draw, 300))
    : { kind: "remove", order: recent(context, 1_800) };
}

/** Mostly tiny market buys. */
function callstorm(context: FlowContext): BookCommand {
  const { draw, book } = context;
  const chance = draw(100);
  if (chance < 70) {
    const quantity = 1 + draw(Math.max(1, Math.round(30 * (book.size / 800) ** 4)));
    return { kind: "take", side: BUY, limitTicks: null, quantity };
  }
  if (chance < 90) return limit(context, chance < 89 ? SELL : BUY, distance(draw, 60));
  return { kind: "remove", order: recent(context, 1_500) };
}

/** Few prices with long lines. */
function deep(context: FlowContext): BookCommand {
  const { draw, book } = context;
  const chance = draw(100);
  if (chance < 45 || book.size < 500) return limit(context, sideOf(draw), 1 + draw(4));
  if (chance < 90) return { kind: "remove", order: recent(context, 1_500) };
  return take(context, 800, 60);
}

const FORGERIES = ["negative", "between", "none", "no number"] as const;
const WRONG_NUMBERS = [0, -1, 1.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY];

/**
 * Stale handles, cancels twice over, amendments to nothing and to less, prices that collide in any
 * table of a power of two, orders that are none, and a book that is full most of the time.
 */
function hostile(context: FlowContext): BookCommand {
  const { draw, lastOrder } = context;
  const chance = draw(100);
  const order = chance % 2 === 0 ? recent(context, 20) : 1 + draw(lastOrder + 1);
  if (chance < 40) {
    const side = sideOf(draw);
    const ticks = draw(3) === 0 ? 4_096 * (1 + draw(8)) : 1 + draw(5);
    return limit(context, side, ticks);
  }
  if (chance < 60) return { kind: "remove", order };
  if (chance < 75) return { kind: "reduce", order, quantity: [1, 100, 7, 0][draw(4)] as number };
  if (chance < 80) return { kind: "read", order };
  if (chance < 84) return { kind: "forge", order, forgery: FORGERIES[draw(4)] ?? "none" };
  if (chance < 86) {
    const wrong = WRONG_NUMBERS[draw(WRONG_NUMBERS.length)] as number;
    const [priceTicks, quantity] = draw(2) === 0 ? [wrong, 5] : [1, wrong];
    return { kind: "limit", side: BUY, priceTicks, quantity, order: lastOrder + 1 };
  }
  return take(context, 90, 300);
}

/** More than a million commands in all. */
export const COMMAND_FLOWS: CommandFlow[] = [
  { flow: "mixed", commands: 250_000, ordersMax: 5_000, next: mixed },
  { flow: "requote", commands: 250_000, ordersMax: 5_000, next: requote },
  { flow: "callstorm", commands: 200_000, ordersMax: 5_000, next: callstorm },
  { flow: "deep", commands: 150_000, ordersMax: 5_000, next: deep },
  { flow: "hostile", commands: 200_000, ordersMax: 120, next: hostile },
];
