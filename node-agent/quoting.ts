/** Fixed-price quoting: one ask of this node at the wanted size, renewed when it was mostly bought. */
import { randomBytes } from "node:crypto";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { formatUnits, parseDecimal } from "#protocol/money.ts";
import { CallRefused } from "./link/calls.ts";
import type { AgentSession } from "./link/session.ts";

/** First and longest wait between two looks at the asks: after fills, and after looks that failed. */
const REQUOTE_MS_MIN = 1_000;
const REQUOTE_MS_MAX = 60_000;

export interface Quote {
  symbol: string;
  /** Dollars per Unit. */
  price: string;
  /** Units on offer. */
  quantity: string;
}

export interface QuoterOptions {
  quote: Quote;
  /** Marks this node's asks in their client order id; an account may have more nodes, which quote too. */
  nodeTag: string;
  requoteMsMin?: number;
  requoteMsMax?: number;
}

export interface QuoterDependencies {
  /** An ask was placed; its quantity is less than wanted when the capacity allows no more. */
  onQuoted(quote: Quote): void;
  /** The ask could not be brought in line; it is tried again. */
  onProblem(problem: CallRefused): void;
}

/** What quoting needs of a link. */
export type QuotingSession = Pick<AgentSession, "call">;

export interface Quoter {
  /** Brings the asks in line with the quote over this link, now and behind fills. Resolves after the first look. */
  start(session: QuotingSession, incrementTokens?: number): Promise<void>;
  /** Something was bought: look again soon. */
  onFill(): void;
  /** No further looks; what stands stays. */
  stop(): void;
  /** Stops, and cancels every ask of this node. Rejects with `CallRefused`. */
  withdraw(session: QuotingSession): Promise<void>;
}

const Text = Type.String({ maxLength: 100 });
const checkAsks = Compile(
  Type.Array(
    Type.Object({
      orderId: Text,
      clientOrderId: Type.Union([Text, Type.Null()]),
      symbol: Text,
      price: Text,
      remaining: Text,
    }),
  ),
);

/** An ask as far as quoting looks at it, its decimals scaled by 10^6. */
interface OpenAsk {
  orderId: string;
  price: bigint;
  remainingTokens: bigint;
}

export function createQuoter(options: QuoterOptions, dependencies: QuoterDependencies): Quoter {
  const { quote, nodeTag, requoteMsMin = REQUOTE_MS_MIN, requoteMsMax = REQUOTE_MS_MAX } = options;
  const { onQuoted, onProblem } = dependencies;
  const quotedTokens = scaled(quote.quantity);
  /** What the last ask offered: the quote's quantity, or what the capacity allowed. */
  let offeredTokens = quotedTokens;
  let current: { session: QuotingSession; incrementTokens: bigint } | null = null;
  let looks = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  let failures = 0;

  /** One look after another: two at once would place two asks. */
  function look(): Promise<void> {
    looks = looks.then(async () => {
      const link = current;
      if (link === null) return;
      try {
        await align(link.session, link.incrementTokens, () => current === link);
        failures = 0;
      } catch (error) {
        if (!(error instanceof CallRefused)) throw error;
        if (current !== link) return;
        onProblem(error);
        lookLater(Math.min(requoteMsMax, requoteMsMin * 2 ** Math.min(failures, 16)));
        failures += 1;
      }
    });
    return looks;
  }

  function lookLater(pauseMs: number): void {
    if (timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      void look();
    }, pauseMs);
  }

  async function align(
    session: QuotingSession,
    incrementTokens: bigint,
    isCurrent: () => boolean,
  ): Promise<void> {
    const open = await ownAsks(session);
    const [ask] = open;
    if (open.length === 1 && ask !== undefined && isInLine(ask)) return;
    for (const { orderId } of open) {
      if (!isCurrent()) return;
      await cancel(session, orderId);
    }
    if (isCurrent()) await place(session, incrementTokens, isCurrent);
  }

  function isInLine({ price, remainingTokens }: OpenAsk): boolean {
    const isEnough = remainingTokens * 2n >= offeredTokens;
    return price === scaled(quote.price) && isEnough && remainingTokens <= quotedTokens;
  }

  /** Offers the quote, or what the measured capacity still allows. */
  async function place(
    session: QuotingSession,
    incrementTokens: bigint,
    isCurrent: () => boolean,
  ): Promise<void> {
    try {
      await offer(session, quotedTokens);
    } catch (error) {
      if (!(error instanceof CallRefused) || error.code !== "capacity-exceeded") throw error;
      const allowed = parseDecimal(String(error.details.allowed ?? "0"), 6);
      const allowedTokens = allowed.ok ? allowed.value : 0n;
      const less = (allowedTokens / incrementTokens) * incrementTokens;
      if (less === 0n || less >= quotedTokens || !isCurrent()) throw error;
      await offer(session, less);
    }
  }

  async function offer(session: QuotingSession, tokens: bigint): Promise<void> {
    const placed = { ...quote, quantity: formatUnits(tokens) };
    // Random, because an id may not come again within a day, and the agent may start anew in it.
    const clientOrderId = `${nodeTag}:${randomBytes(9).toString("base64url")}`;
    await session.call("place-ask", { ...placed, clientOrderId });
    offeredTokens = tokens;
    onQuoted(placed);
  }

  async function ownAsks(session: QuotingSession): Promise<OpenAsk[]> {
    const reply = await session.call("list-asks", {});
    if (!checkAsks.Check(reply)) {
      throw new CallRefused("bad-reply", "the exchange's answer is no list of asks");
    }
    return reply
      .filter(({ symbol }) => symbol === quote.symbol)
      .filter(({ clientOrderId }) => clientOrderId?.startsWith(`${nodeTag}:`))
      .map(({ orderId, price, remaining }) => {
        const [priced, left] = [parseDecimal(price, 6), parseDecimal(remaining, 6)];
        if (priced.ok && left.ok) {
          return { orderId, price: priced.value, remainingTokens: left.value };
        }
        throw new CallRefused(
          "bad-reply",
          `ask ${orderId} has a price or a rest that is no decimal`,
        );
      });
  }

  function stop(): void {
    current = null;
    if (timer !== null) clearTimeout(timer);
    timer = null;
  }

  return {
    start(session, incrementTokens = 1) {
      stop();
      failures = 0;
      current = { session, incrementTokens: BigInt(incrementTokens) };
      return look();
    },
    onFill() {
      if (current !== null) lookLater(requoteMsMin);
    },
    stop,
    async withdraw(session) {
      stop();
      // An ask that is being placed would stand behind our back.
      await looks;
      for (const { orderId } of await ownAsks(session)) await cancel(session, orderId);
    },
  };
}

/** Cancels; an ask that is gone already is as good. */
async function cancel(session: QuotingSession, orderId: string): Promise<void> {
  try {
    await session.call("cancel-ask", { orderId });
  } catch (error) {
    if (error instanceof CallRefused && error.code === "order-not-found") return;
    throw error;
  }
}

/** A decimal of the settings, checked when they were read, scaled by 10^6: Units become tokens. */
function scaled(decimal: string): bigint {
  const parsed = parseDecimal(decimal, 6);
  if (!parsed.ok) throw new RangeError(parsed.reason);
  return parsed.value;
}
