/** The streams there are: what each needs to be named, and how a connection is put on it. */
import { isResolution, RESOLUTIONS, type Resolution } from "#exchange/history/candles-times.ts";
import { shown } from "#exchange/request-body.ts";
import { parsePublicId } from "#protocol/ids.ts";
import type { Connection, Subscription } from "./connection.ts";
import { isObject } from "./frames.ts";
import type { MarketFeeds } from "./market-feeds.ts";
import type { StreamFeeds } from "./stream-feeds.ts";

export const STREAMS = [
  "user.orders",
  "user.balances",
  "user.lots",
  "market.trades",
  "market.ticker",
  "market.book",
  "market.candles",
] as const;
export type StreamName = (typeof STREAMS)[number];

/** A stream as a client names it. */
export interface StreamWish {
  name: StreamName;
  symbol: string | null;
  resolution: Resolution | null;
  resumeFrom: number | null;
}

export interface StreamProblem {
  reason: "unknown_stream" | "unknown_market" | "unknown_resolution" | "invalid_payload";
  message: string;
}

/** Reads one entry of `streams`. */
export function readWish(
  feeds: StreamFeeds,
  entry: unknown,
): { ok: true; wish: StreamWish } | ({ ok: false } & StreamProblem) {
  if (!isObject(entry)) {
    return problem("invalid_payload", `a stream is ${shown(entry)}, expected {"name", "market"}`);
  }
  const { name, market, resolution = null, resume_from: resumeFrom = null } = entry;
  if (!isStream(name)) {
    return problem("unknown_stream", `no stream ${shown(name)}; there are ${STREAMS.join(", ")}`);
  }
  if (resumeFrom !== null && !(Number.isSafeInteger(resumeFrom) && (resumeFrom as number) >= 0)) {
    return problem("invalid_payload", `resume_from is ${shown(resumeFrom)}, expected a sequence`);
  }
  const symbol = market === undefined || market === null ? null : symbolOf(feeds, market);
  if (symbol === undefined) {
    return problem("unknown_market", `no market ${shown(market)}; GET /v1/markets lists them`);
  }
  if (symbol === null && name.startsWith("market.")) {
    return problem("unknown_market", `${name} needs a market; GET /v1/markets lists them`);
  }
  const isCandles = name === "market.candles";
  if (isCandles && !(typeof resolution === "string" && isResolution(resolution))) {
    const expected = RESOLUTIONS.join(", ");
    const message = `resolution is ${shown(resolution)}, expected one of ${expected}`;
    return problem("unknown_resolution", message);
  }
  return {
    ok: true,
    wish: {
      name,
      symbol,
      resolution: isCandles ? (resolution as Resolution) : null,
      resumeFrom: resumeFrom as number | null,
    },
  };
}

/** What a connection keeps a subscription under. */
export function keyOf({ name, symbol, resolution }: StreamWish): string {
  return `${name} ${symbol ?? ""} ${resolution ?? ""}`;
}

export interface OpenedStream {
  /** Of streams that can be resumed: whether it goes on from `resume_from`. */
  resumed: boolean | null;
  /** Begins to send; not before the acknowledgement. */
  start(): Subscription;
}

/** Puts a connection on a stream; one of an account only when it has signed in. */
export function openStream(
  feeds: StreamFeeds,
  connection: Connection,
  wish: StreamWish,
): OpenedStream {
  if (wish.name.startsWith("user.")) return openUserStream(feeds, connection, wish);
  const market = feeds.market(wish.symbol ?? "") as MarketFeeds;
  const { resumeFrom } = wish;
  switch (wish.name) {
    case "market.book":
      return {
        resumed: resumeFrom !== null && market.book.state.canResume(resumeFrom),
        start: () => market.book.feed.subscribe(connection, resumeFrom),
      };
    case "market.ticker":
      return {
        resumed: null,
        start: () => market.ticker(feeds.nowMs).feed.subscribe(connection, null),
      };
    case "market.candles":
      return {
        resumed: null,
        start: () => market.candles(wish.resolution as Resolution).feed.subscribe(connection, null),
      };
    default: {
      const since = resumeFrom !== null && market.trades.canResume(resumeFrom) ? resumeFrom : null;
      const { name: stream, symbol } = wish;
      return {
        resumed: since !== null,
        start: () => market.trades.subscribe(connection, { stream, symbol }, since),
      };
    }
  }
}

function openUserStream(
  feeds: StreamFeeds,
  connection: Connection,
  { name, symbol, resumeFrom }: StreamWish,
): OpenedStream {
  if (connection.account === null) throw new Error(`${name} without an account`);
  const feed = feeds.account(connection.account);
  if (name === "user.balances") {
    return {
      resumed: null,
      start() {
        // What was read before may be old, so it waits for what is read now.
        const subscription = feed.balanceFeed.subscribe(connection, feed.balances.position);
        feed.touch([]);
        return subscription;
      },
    };
  }
  const since = resumeFrom !== null && feed.log.canResume(resumeFrom) ? resumeFrom : null;
  return {
    resumed: since !== null,
    start() {
      if (since === null && name === "user.orders") connection.send(feed.ordersSnapshot(symbol));
      if (since === null && name === "user.lots") {
        void feed.lotsSnapshot(symbol).then((frame) => connection.send(frame));
      }
      return feed.log.subscribe(connection, { stream: name, symbol }, since);
    },
  };
}

function symbolOf(feeds: StreamFeeds, market: unknown): string | undefined {
  if (typeof market !== "string") return undefined;
  if (feeds.market(market) !== null) return market;
  const number = parsePublicId("market", market) ?? parsePublicId("instrument", market);
  for (const [symbol, listed] of feeds.durable.markets) {
    if (listed.number === number) return symbol;
  }
  return undefined;
}

function isStream(name: unknown): name is StreamName {
  return (STREAMS as readonly unknown[]).includes(name);
}

function problem(reason: StreamProblem["reason"], message: string) {
  return { ok: false as const, reason, message };
}
