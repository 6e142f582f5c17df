/** Readers slower than what there is to tell: what they miss, what they get, and what they cost. */
import { once } from "node:events";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import { BookFollower } from "./book-follower.fixture.ts";
import { Connection } from "./connection.ts";
import { Corks } from "./corks.ts";
import { EventLog } from "./event-log.ts";
import { READERS_PER_TURN, STREAM_LIMITS } from "./limits.ts";
import { StateFeed, type StateSink } from "./state-feed.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

const QUEUED_BYTES_MAX = 50_000;
const ASKED_MAX = 20_000;
const HIGH_WATER_BYTES = 1_000;

/** A connection to a peer that reads nothing until it is told to. */
function stuckConnection() {
  const taken: Buffer[] = [];
  let reads: (() => void) | null = null;
  let isReading = false;
  const wire = new Duplex({
    writableHighWaterMark: HIGH_WATER_BYTES,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk);
      if (isReading) done();
      else reads = () => done();
    },
  });
  const closes: [number, string][] = [];
  const socket = {
    readyState: 1,
    OPEN: 1,
    close: (code: number, reason: string) => void closes.push([code, reason]),
    terminate: () => {},
  } as unknown as WebSocket;
  const limits = { ...STREAM_LIMITS, queuedBytesMax: QUEUED_BYTES_MAX };
  return {
    connection: new Connection(socket, wire, { address: "here", limits, corks: new Corks() }),
    wire,
    taken,
    closes,
    read() {
      isReading = true;
      reads?.();
    },
  };
}

/** A state of one number, told in frames of 400 bytes. */
function counter() {
  const state = {
    position: 0,
    frameFrom: (from: number | null) => Buffer.from(`${from}>${state.position}`.padEnd(400, ".")),
  };
  return state;
}
const said = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString().split(".")[0]);

/** Until this turn's frames are written, and those that waited. */
async function settled(wire: Duplex): Promise<void> {
  await new Promise(setImmediate);
  if (wire.writableNeedDrain) await once(wire, "drain");
}

describe("a reader that is slow", () => {
  test("gets the latest state in one step when it reads again, and nothing waits for it", async () => {
    const { connection, wire, taken, read, closes } = stuckConnection();
    const state = counter();
    const feed = new StateFeed(state, setImmediate);
    feed.subscribe(connection, null);
    for (let count = 1; count <= 1_000; count += 1) {
      state.position = count;
      feed.publish();
      expect(wire.writableLength).toBeLessThan(HIGH_WATER_BYTES + 400);
    }
    read();
    await settled(wire);
    expect(said(taken)).toEqual(["null>0", "0>1", "1>2", "2>1000"]);
    state.position = 1_001;
    feed.publish();
    await settled(wire);
    expect(said(taken).at(-1)).toBe("1000>1001");
    expect(closes).toEqual([]);
  });

  test("of events that all count is closed by name, with no more than the limit in its queue", () => {
    const { connection, wire, closes } = stuckConnection();
    const log = new EventLog(0, setImmediate);
    log.subscribe(connection, { stream: "s", symbol: null }, null);
    for (let sequence = 1; sequence <= 1_000; sequence += 1) {
      log.append({ stream: "s", symbol: "x", sequence, frame: () => Buffer.alloc(400) });
      log.publish();
      expect(wire.writableLength).toBeLessThanOrEqual(QUEUED_BYTES_MAX);
    }
    expect(closes).toEqual([
      [4413, `slow_reader: more than ${QUEUED_BYTES_MAX} bytes wait to be read`],
    ]);
  });

  test("that is gone leaves no subscription behind, and is not written to", async () => {
    const { connection, taken } = stuckConnection();
    const state = counter();
    const feed = new StateFeed(state, setImmediate);
    connection.subscriptions.set("one", feed.subscribe(connection, null));
    await new Promise(setImmediate);
    connection.gone();
    expect(feed.readers).toBe(0);
    state.position = 1;
    feed.publish();
    await new Promise(setImmediate);
    expect(said(taken)).toEqual(["null>0"]);
  });
});

describe("many readers", () => {
  /** A reader that notes what it gets. */
  function sink(): StateSink & { frames: Buffer[] } {
    const frames: Buffer[] = [];
    return { frames, isFull: false, sendState: (frame) => void frames.push(frame), lag: () => {} };
  }

  test("are told in turns; what changes meanwhile comes in one step, to all the same", () => {
    const state = counter();
    const turns: (() => void)[] = [];
    const feed = new StateFeed(state, (run) => void turns.push(run));
    const readers = Array.from({ length: READERS_PER_TURN * 2 + 10 }, sink);
    for (const reader of readers) feed.subscribe(reader, 0);
    for (state.position = 1; state.position < 5; state.position += 1) feed.publish();
    const first = readers[0] as (typeof readers)[number];
    const last = readers.at(-1) as (typeof readers)[number];
    expect([said(first.frames), said(last.frames)]).toEqual([["0>1"], []]);
    const late = sink();
    feed.subscribe(late, null);
    for (let run = turns.shift(); run !== undefined; run = turns.shift()) run();
    for (const reader of readers) expect(said(reader.frames)).toEqual(["0>1", "1>5"]);
    expect(said(late.frames)).toEqual(["null>5"]);
  });

  test("get the very same bytes, made once", () => {
    const state = counter();
    const feed = new StateFeed(state, (run) => run());
    const readers = [sink(), sink(), sink()];
    for (const reader of readers) feed.subscribe(reader, 0);
    state.position = 1;
    feed.publish();
    expect(new Set(readers.map(({ frames }) => frames[0])).size).toBe(1);

    let made = 0;
    const log = new EventLog(0, setImmediate);
    const frame = () => {
      made += 1;
      return Buffer.from("x");
    };
    const got: Buffer[] = [];
    for (let count = 0; count < 3; count += 1) {
      log.subscribe({ send: (bytes) => void got.push(bytes) }, { stream: "s", symbol: null }, null);
    }
    log.append({ stream: "s", symbol: "x", sequence: 1, frame });
    log.publish();
    expect([made, got.length, new Set(got).size]).toEqual([1, 3, 1]);
  });
});

test("what one connection is told in one turn goes to its socket in one piece", async () => {
  const pieces: number[] = [];
  const wire = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      pieces.push(1);
      done();
    },
    writev(chunks, done) {
      pieces.push(chunks.length);
      done();
    },
  });
  const corks = new Corks();
  const socket = { readyState: 1, OPEN: 1 } as unknown as WebSocket;
  const connection = new Connection(socket, wire, {
    address: "here",
    limits: STREAM_LIMITS,
    corks,
  });
  for (const text of ["book", "ticker", "trade"]) connection.send(Buffer.from(text));
  await new Promise(setImmediate);
  connection.send(Buffer.from("later"));
  await new Promise(setImmediate);
  expect(pieces).toEqual([3, 1]);
});

describe("over real sockets", () => {
  let world: StreamWorld;
  afterEach(() => world.close());

  test("a client that stopped reading has the core's book once it reads again", async () => {
    world = await createStreamWorld({
      frames: { burst: 100_000, perSecond: 1 },
      framesWaitingMax: 100_000,
    });
    const seller = await world.supplier("seller", 1_000);
    await world.issue(seller, 900);
    for (let at = 0; at < 90; at += 1) {
      await world.run({
        ...{ type: "place-order", account: seller.account, symbol: SYMBOL, side: "sell" },
        ...{ orderType: "limit", timeInForce: "gtc", quantity: 1, priceTicks: 10_000 + at },
        ...{ maxSlippageBps: null, postOnly: false, clientOrderId: null, issueMissing: false },
      } as never);
    }
    const client = await world.connect();
    client.socket.pause();
    // Snapshot upon snapshot, until neither machine takes more.
    const stream = { name: "market.book", market: world.market };
    const wire = world.wires[0] as Duplex;
    for (let count = 0; count < ASKED_MAX && !wire.writableNeedDrain; count += 1) {
      client.push("subscribe", { streams: [stream] });
      await new Promise(setImmediate);
    }
    expect(wire.writableNeedDrain).toBe(true);
    for (let at = 0; at < 20; at += 1) {
      await world.run({ type: "cancel-orders", account: seller.account, symbol: SYMBOL });
      const price = `${(2 + at / 10).toFixed(4)}`;
      await world.order(seller, "sell", price, "1");
    }
    client.socket.resume();
    const { seq } = world.shell.state;
    await client.find(({ payload }) => payload.data?.sequence === seq);
    const live = world.shell.state.instruments.get(SYMBOL);
    const isCurrent = () => {
      const follower = new BookFollower();
      const begin = client.messages.findLastIndex(({ event }) => event === "book_snapshot");
      for (const { event, payload } of client.messages.slice(begin)) {
        if (event.startsWith("book_")) follower.take(event, payload.data);
      }
      const rows = (side: typeof BUY | typeof SELL) =>
        (live?.book.depth(side, 300) ?? []).map((level) => [level.priceTicks, level.quantity]);
      expect(follower.levels("bids")).toEqual(rows(BUY));
      expect(follower.levels("asks")).toEqual(rows(SELL));
      return follower;
    };
    isCurrent();
    // Twenty changes came as one step, or a few.
    expect(client.all("book_update").length).toBeLessThan(20);
  });
});
