/**
 * Clients of book and orders against the core: seeded markets, readers that are slow, cut off, come
 * back with their last sequence number, and exchanges that restart meanwhile.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { policy, quietSla } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { Model } from "#exchange/core/model/market.fixture.ts";
import { both, type Real, restarted, setUp } from "#exchange/core/model/pair.fixture.ts";
import { createTally, runParameters, TEST_MS_MAX } from "#exchange/core/model/run-tally.fixture.ts";
import { SYMBOLS, timeAfter, type Wish } from "#exchange/core/model/wish.fixture.ts";
import { WISHES } from "#exchange/core/model/wishes.fixture.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { statusWord } from "#exchange/history/records.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { formatQuantity } from "#protocol/quotation.ts";
import { type BookData, BookFollower } from "./book-follower.fixture.ts";
import type { Subscription } from "./connection.ts";
import { TRADING_TOPIC } from "./frames.ts";
import { OrdersFollower } from "./orders-follower.fixture.ts";
import type { StateSink } from "./state-feed.ts";
import { StreamFeeds } from "./stream-feeds.ts";
import { wireText } from "./wire-text.fixture.ts";

const RUNS = 100;
const COMMANDS_MAX = 120;
const parameters = runParameters(process.env, RUNS);
const tally = createTally({});

/** What comes over the wire, without the WebSocket frame's head. */
function readWire(bytes: Buffer): { topic: string; event: string; payload: { data: BookData } } {
  return JSON.parse(wireText(bytes));
}

/** One reader of one market's book, and what the network does to it. */
class Reader implements StateSink {
  readonly follower = new BookFollower();
  isFull = false;
  readonly #symbol: string;
  #subscription: Subscription | null = null;
  #lagging: Subscription | null = null;

  constructor(symbol: string) {
    this.#symbol = symbol;
  }

  get isCut(): boolean {
    return this.#subscription === null;
  }

  connect(feeds: StreamFeeds): void {
    const book = feeds.market(this.#symbol)?.book;
    const { sequence } = this.follower;
    const isAhead = sequence !== null && sequence !== book?.state.position;
    if (isAhead && book?.state.canResume(sequence)) tally.add("resumed over a gap");
    this.#subscription = book?.feed.subscribe(this, this.follower.sequence) ?? null;
  }

  cut(): void {
    this.#subscription?.end();
    this.#subscription = null;
    this.#lagging = null;
    this.isFull = false;
  }

  drain(): void {
    this.isFull = false;
    const lagging = this.#lagging;
    this.#lagging = null;
    lagging?.catchUp();
  }

  sendState(frame: Buffer): void {
    if (this.isFull) throw new Error("written to a reader that is full");
    const { topic, event, payload } = readWire(frame);
    if (topic !== TRADING_TOPIC) throw new Error(`topic ${topic}`);
    this.follower.take(event, payload.data);
  }

  lag(subscription: Subscription): void {
    this.#lagging = subscription;
  }
}

/** What happens to the readers after a command; the drawn number picks one of each five. */
const FATES = ["nothing", "nothing", "cut", "full", "drain", "connect", "batch"] as const;

function bookOf(state: CoreState, symbol: string, side: typeof BUY | typeof SELL) {
  const levels = state.instruments.get(symbol)?.book.depth(side, Number.MAX_SAFE_INTEGER) ?? [];
  return levels.map(({ priceTicks, quantity }) => [priceTicks, quantity]);
}

function ordersOf(state: CoreState, account: number): [id: string, shown: string][] {
  const open = [...state.orders.values()].filter((order) => order.account === account);
  const shown = open.map((order): [string, string] => {
    const instrument = state.instruments.get(order.symbol)?.instrument as Instrument;
    const filled = formatQuantity(instrument, order.filled);
    return [publicId("order", order.number), `${statusWord(order)} ${filled}`];
  });
  return shown.sort();
}

class World {
  readonly model: Model;
  readonly real: Real;
  readonly readers = SYMBOLS.flatMap((symbol) => [new Reader(symbol), new Reader(symbol)]);
  readonly owners = [3, 4, 6].map((account) => new OrdersFollower(account));
  feeds: StreamFeeds;
  /** Executed, and not durable yet. */
  #undurable: CoreEvent[] = [];

  constructor() {
    const { model, real } = setUp({ ...policy, sla: quietSla }, tally);
    this.model = model;
    this.real = real;
    this.feeds = this.#begun();
  }

  #begun(): StreamFeeds {
    const { real } = this;
    const shell = {
      get state() {
        return real.core.state;
      },
      read: async (view: (state: CoreState) => unknown) => view(real.core.state),
    } as Shell;
    return new StreamFeeds({ shell, history: { candles: () => [] }, defer: (run) => run() });
  }

  run(wish: Wish): void {
    const command = wish.command(this.model, this.real.core.state.nowMs);
    if (command === null) return;
    const nowMs = timeAfter(this.model, wish.wait);
    const from = this.real.events.length;
    if (wish.name === "restart" || wish.name === "takeover") {
      this.flush();
      this.real.core = restarted(this.real);
      for (const reader of [...this.readers, ...this.owners]) reader.cut();
      this.feeds = this.#begun();
    }
    both(this.model, this.real, command, nowMs);
    this.#undurable.push(...this.real.events.slice(from));
  }

  flush(): void {
    this.feeds.apply(this.#undurable);
    this.#undurable = [];
    expect(this.feeds.difference()).toBeNull();
  }

  fate(drawn: number): void {
    const reader = this.readers[drawn % this.readers.length] as Reader;
    const fate = FATES[Math.floor(drawn / this.readers.length) % FATES.length];
    if (fate === "cut") reader.cut();
    else if (fate === "full") reader.isFull = true;
    else if (fate === "drain") reader.drain();
    else if (fate === "connect" && reader.isCut) reader.connect(this.feeds);
    const owner = this.owners[drawn % this.owners.length] as OrdersFollower;
    if (fate === "cut") owner.cut();
    else if (fate === "connect" && owner.isCut) owner.connect(this.feeds);
    if (fate !== "batch") this.flush();
    this.check();
  }

  /** Every reader that is there and not behind has the book of the core, as far as it is durable. */
  check(): void {
    if (this.#undurable.length > 0) return;
    for (const [at, reader] of this.readers.entries()) {
      if (reader.isCut || reader.isFull) continue;
      const symbol = SYMBOLS[Math.floor(at / 2)] as string;
      const { state } = this.real.core;
      expect(reader.follower.levels("bids")).toEqual(bookOf(state, symbol, BUY));
      expect(reader.follower.levels("asks")).toEqual(bookOf(state, symbol, SELL));
      tally.add("compared");
    }
    for (const { account, open, isCut } of this.owners) {
      if (isCut) continue;
      expect([...open].sort()).toEqual(ordersOf(this.real.core.state, account));
      tally.add("orders compared");
    }
  }
}

class Step implements fc.Command<World, World> {
  readonly wish: Wish;
  readonly fate: number;
  constructor(wish: Wish, fate: number) {
    this.wish = wish;
    this.fate = fate;
  }
  check = () => true;
  toString = () => `${this.wish.name} ${this.fate}`;
  run(_model: World, world: World): void {
    world.run(this.wish);
    world.fate(this.fate);
  }
}

test(
  `a client that was cut, slow or away has exactly the core's book and its own orders (SEED=${parameters.seed})`,
  () => {
    const fates = fc.nat(FATES.length * 4 - 1);
    const steps = fc.commands(
      WISHES.map((wish) => fc.tuple(wish, fates).map(([drawn, fate]) => new Step(drawn, fate))),
      { maxCommands: COMMANDS_MAX, size: "max" },
    );
    const seen = { snapshots: 0, updates: 0, resumes: 0 };
    fc.assert(
      fc.property(steps, (list) => {
        const world = new World();
        for (const reader of [...world.readers, ...world.owners]) reader.connect(world.feeds);
        fc.modelRun(() => ({ model: world, real: world }), list);
        for (const reader of world.readers) {
          reader.drain();
          if (reader.isCut) reader.connect(world.feeds);
        }
        world.flush();
        for (const owner of world.owners) if (owner.isCut) owner.connect(world.feeds);
        world.check();
        for (const { resumes } of world.owners) seen.resumes += resumes;
        for (const { follower } of world.readers) {
          seen.snapshots += follower.snapshots;
          seen.updates += follower.updates;
        }
      }),
      parameters,
    );
    if (parameters.numRuns < RUNS) return;
    expect(tally.total("compared")).toBeGreaterThan(1_000);
    expect(tally.total("resumed over a gap")).toBeGreaterThan(20);
    expect(seen.updates).toBeGreaterThan(500);
    expect(tally.total("orders compared")).toBeGreaterThan(1_000);
    expect(seen.resumes).toBeGreaterThan(20);
    expect(seen.snapshots).toBeGreaterThan(RUNS);
  },
  TEST_MS_MAX,
);
