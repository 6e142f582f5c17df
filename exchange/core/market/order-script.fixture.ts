/**
 * A market played from text, for tables of order types: `S sell 5 at 100`, `X buy 3 at 101 ioc`,
 * `X buy 3 market`, `X buy 2 stop 105`, `amend 3 qty 2`, `cancel 3`, `wait 1000`. Sellers are S, R and Q,
 * who issue what they lack; buyers X, Y and Z. What happened comes back as text, and so does the book.
 */
import type { Command, PlaceOrder, TimeInForce } from "#exchange/core/commands.ts";
import { createTestMarket, type PolicyOverrides, SYMBOL } from "#exchange/core/core.fixture.ts";
import { restoreCore } from "#exchange/core/core.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { bookText } from "./book-text.fixture.ts";
import { SELF_TRADE_MODES } from "./order-terms.ts";
import type { SafetyPolicy } from "./safety-policy.ts";

/** So wide that nothing of it is met, unless a test makes it narrower. */
export const NO_SAFETY: SafetyPolicy = {
  ...{ bandBps: 10_000, bandThinBps: 10_000, thinOwnersMin: 1, marketProtectionThinBps: 1_000 },
  ...{ breakers: [], auctionMs: 2_000 },
  ...{ openOrdersPerInstrumentMax: 1_000, stopOrdersPerInstrumentMax: 1_000 },
};

const SELLERS = ["S", "R", "Q"];
const BUYERS = ["X", "Y", "Z"];

export type ScriptMarket = ReturnType<typeof createScriptMarket>;

/** `amounts` are micro-dollars: money of buyers, bond of sellers; sellers also get money for fees. */
export function createScriptMarket(
  overrides: PolicyOverrides = {},
  amounts: Partial<Record<string, bigint>> = {},
) {
  const market = createTestMarket(overrides);
  const accounts: Record<string, number> = {};
  const nodes: Record<string, number> = {};
  for (const name of SELLERS) {
    const { account, node } = market.supplier(name, { bondMicros: amounts[name] ?? 1_000_000n });
    market.deposit(account, 1_000_000n);
    accounts[name] = account;
    nodes[name] = node;
  }
  for (const name of BUYERS) {
    accounts[name] = market.account(name, amounts[name] ?? 1_000_000n, "advanced");
  }
  const accountOf = (name: string): number => {
    const account = accounts[name];
    if (account === undefined) throw new Error(`nobody is called ${name}`);
    return account;
  };

  function orderOf(line: string): Command<"place-order"> {
    const [who = "", side, quantity, ...words] = line.split(" ");
    const fields: Partial<PlaceOrder> = {
      side: side as PlaceOrder["side"],
      quantity: Number(quantity),
      orderType: "limit",
      issueMissing: side === "sell",
    };
    readWords(words, fields, market.nowMs());
    return { ...market.order(accountOf(who), fields), priceTicks: fields.priceTicks ?? null };
  }

  /** Runs one line. Returns what happened as text, or the refusal's code. */
  function play(line: string): string[] {
    const [word = "", ...rest] = line.split(" ");
    if (word === "wait") {
      const before = market.events.length;
      market.advance(Number(rest[0]));
      return market.events.slice(before).flatMap(shown);
    }
    if (word === "link") {
      market.link(nodes[rest[0] ?? ""] ?? 0, 1000);
      return [];
    }
    if (word === "unlink") {
      market.unlink(nodes[rest[0] ?? ""] ?? 0);
      return [];
    }
    const done = market.tryTo(commandOf(line));
    if (!done.ok) return [`refused: ${done.rejection.code}`];
    return done.events.flatMap(shown);
  }

  function commandOf(line: string): Command {
    const [word, first = "", ...words] = line.split(" ");
    if (word === "halt" || word === "close") {
      const phase = word === "halt" ? "halted" : "closed";
      return { type: "halt-trading", symbol: SYMBOL, phase, reason: "test" };
    }
    if (word === "resume") {
      return { type: "resume-trading", symbol: SYMBOL, auctionMs: Number(first) };
    }
    if (word === "amend") return amendmentOf(Number(first), words);
    if (word === "cancel") {
      const order = Number(first);
      const account = market.state.orders.get(order)?.account ?? 0;
      return { type: "cancel-order", account, order };
    }
    return orderOf(line);
  }

  function amendmentOf(order: number, words: string[]): Command<"amend-order"> {
    const fields: Partial<PlaceOrder> = {};
    const quantityAt = words.indexOf("qty");
    const quantity = quantityAt === -1 ? undefined : Number(words[quantityAt + 1]);
    readWords(
      words.filter((_, at) => quantityAt === -1 || (at !== quantityAt && at !== quantityAt + 1)),
      fields,
      market.nowMs(),
    );
    const { priceTicks, stopTicks, timeInForce, expiresAtMs } = fields;
    return {
      ...{ type: "amend-order", account: market.state.orders.get(order)?.account ?? 0, order },
      ...{ quantity, priceTicks: priceTicks ?? undefined, stopTicks, timeInForce, expiresAtMs },
      issueMissing: true,
    };
  }

  return {
    ...market,
    accountOf,
    nodeOf: (name: string) => nodes[name] ?? 0,
    orderOf,
    play,
    playAll: (lines: readonly string[]) => lines.flatMap(play),
    /** The book as text, also as a core restored from a snapshot has it. */
    book() {
      const restored = restoreCore(market.core.snapshot());
      const [live, again] = [market.state, restored.state].map((state) => {
        const book = state.instruments.get(SYMBOL)?.book;
        if (book === undefined) throw new Error("the instrument is not listed");
        const { bids, asks } = bookText(book);
        return `${bids} / ${asks}`.trim();
      });
      if (live !== again) throw new Error(`restored: ${again}, lived: ${live}`);
      return live;
    },
  };
}

function readWords(words: string[], fields: Partial<PlaceOrder>, nowMs: number): void {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const value = Number(words[at + 1]);
    if (word === "at") fields.priceTicks = value;
    else if (word === "stop") fields.stopTicks = value;
    else if (word === "slip") fields.maxSlippageBps = value;
    else if (word === "until") fields.expiresAtMs = nowMs + value;
    else if (word === "session") fields.session = words[at + 1];
    else if (word === "group") fields.group = words[at + 1];
    else {
      readFlag(word, fields);
      continue;
    }
    at += 1;
  }
  const isMarket = fields.priceTicks === undefined;
  if (fields.stopTicks !== undefined) fields.orderType = isMarket ? "stop" : "stop_limit";
  else if (isMarket) fields.orderType = "market";
  if (fields.expiresAtMs !== undefined) fields.timeInForce = "gtd";
}

const TIMES = ["gtc", "ioc", "fok", "day", "gtd"];

function readFlag(word: string, fields: Partial<PlaceOrder>): void {
  const mode = SELF_TRADE_MODES.find((each) => each === `cancel-${word}`);
  if (mode !== undefined) fields.selfTrade = mode;
  else if (TIMES.includes(word)) fields.timeInForce = word as TimeInForce;
  else if (word === "post") fields.postOnly = true;
  else if (word === "reduce") {
    fields.reduceOnly = true;
    fields.issueMissing = false;
  } else if (word !== "market") throw new Error(`"${word}" is no word of an order`);
}

/** Fills, ends that are no fill, and what waits or is let in. */
function shown(event: CoreEvent): string[] {
  switch (event.type) {
    case "trade":
      return [
        `#${event.takerOrder} takes ${event.quantity} of #${event.makerOrder} at ${event.priceTicks}`,
      ];
    case "order-closed":
      return event.reason === null ? [] : [`#${event.order} ends: ${event.reason}`];
    case "trading-phase-set":
      return [event.phase];
    case "auction-uncrossing":
      return [`uncrosses ${event.quantity} at ${event.priceTicks}`];
    case "stops-triggered":
      return [`${event.priceTicks} triggers #${event.orders.join(" #")}`];
    default:
      return [];
  }
}

/** `100x5 101x3` as quotes of S. */
export function quote(market: ScriptMarket, text: string, extra: { group?: string } = {}) {
  const quotes = text.split(" ").filter(Boolean);
  return market.tryTo({
    ...{ type: "replace-quotes", account: market.accountOf("S"), symbol: SYMBOL, ...extra },
    quotes: quotes.map((each) => {
      const [priceTicks = 0, quantity = 0] = each.split("x").map(Number);
      return { priceTicks, quantity };
    }),
  });
}
