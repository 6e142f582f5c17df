/**
 * Commands for two books at once, and all that can be seen of a book as one list of numbers: what the
 * differential test compares, byte for byte.
 */
import { matchBook } from "./match-book.ts";
import { type BookSide, BUY, NONE, type OrderBook, SELL } from "./order-book-port.ts";

export type BookCommand =
  /** Takes what crosses and rests what is left. */
  | { kind: "limit"; side: BookSide; priceTicks: number; quantity: number; order: number }
  /** Takes up to a limit, or at any price; rests nothing. */
  | { kind: "take"; side: BookSide; limitTicks: number | null; quantity: number }
  | { kind: "remove" | "read"; order: number }
  | { kind: "reduce"; order: number; quantity: number }
  /** Removes by a handle that was never given out. */
  | { kind: "forge"; order: number; forgery: "negative" | "between" | "none" | "no number" };

/** Answers, in words short enough to be numbers. */
const REFUSED = -1;
const DONE = -2;
const MISSED = -3;

/** A list of numbers that grows without garbage. */
export class NumberLog {
  #numbers = new Float64Array(1 << 16);
  #length = 0;

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const longer = new Float64Array(this.#length * 2);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  /** What was pushed since the last call. */
  flush(): Uint8Array {
    const bytes = new Uint8Array(this.#numbers.buffer.slice(0, this.#length * 8));
    this.#length = 0;
    return bytes;
  }
}

export class BookRunner {
  book: OrderBook;
  readonly log = new NumberLog();
  /** By order number; an order that was only taken has none. */
  readonly #handles: number[] = [];

  constructor(book: OrderBook) {
    this.book = book;
  }

  run(command: BookCommand): void {
    try {
      this.#run(command);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.log.push(REFUSED);
    }
  }

  #run(command: BookCommand): void {
    const { book, log } = this;
    const onFill = (order: number, priceTicks: number, quantity: number) => {
      log.push(order);
      log.push(priceTicks);
      log.push(quantity);
    };
    if (command.kind === "limit") {
      const { side, priceTicks, quantity, order } = command;
      const left = matchBook(book, side, priceTicks, quantity, onFill);
      log.push(left);
      if (left !== 0) this.#handles[order] = book.add(side, priceTicks, left, order);
    } else if (command.kind === "take") {
      log.push(matchBook(book, command.side, command.limitTicks, command.quantity, onFill));
    } else {
      const handle = this.#handles[command.order] ?? NONE;
      if (command.kind === "reduce") {
        book.reduce(handle, command.quantity);
        log.push(DONE);
      } else if (command.kind === "read") {
        for (const read of ["order", "side", "priceTicks", "quantity"] as const) {
          log.push(book[read](handle));
        }
      } else {
        const given = command.kind === "forge" ? forged(handle, command.forgery) : handle;
        log.push(book.has(given) === book.remove(given) ? DONE : MISSED);
        log.push(book.size);
      }
    }
  }

  /** Logs every order in its place, every level and both best prices. */
  logBook(): void {
    const { book, log } = this;
    for (const side of [BUY, SELL] as const) {
      log.push(book.bestPriceTicks(side) ?? MISSED);
      for (let at = book.best(side); at !== NONE; at = book.next(at)) {
        log.push(book.order(at));
        log.push(book.side(at));
        log.push(book.priceTicks(at));
        log.push(book.quantity(at));
      }
      for (const level of book.depth(side, Number.MAX_SAFE_INTEGER)) {
        log.push(level.priceTicks);
        log.push(level.quantity);
        log.push(level.orders);
      }
    }
    log.push(book.size);
  }
}

function forged(handle: number, forgery: (BookCommand & { kind: "forge" })["forgery"]): number {
  if (forgery === "negative") return -handle;
  if (forgery === "between") return handle + 0.5;
  return forgery === "none" ? NONE : Number.NaN;
}
