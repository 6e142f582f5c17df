/** Fixed-price quoting: one ask per instrument at the wanted size, renewed when it was mostly bought. */
import type { Logger } from "pino";
import type { AskView } from "#protocol/link-messages.ts";
import { formatUnits, parseDecimal } from "#protocol/money.ts";
import { CallRefused } from "./link/calls.ts";
import type { AgentSession } from "./link/session.ts";

/** Wait between two looks at the asks after fills. */
const REQUOTE_DELAY_MS = 1_000;

export interface Quote {
  symbol: string;
  /** Dollars per Unit. */
  price: string;
  /** Units on offer. */
  quantity: string;
}

export interface Quoter {
  /** Brings the asks on the exchange in line with the quote. */
  requote(session: AgentSession): Promise<void>;
  /** Something was bought: look again soon. */
  onFill(session: AgentSession): void;
  /** Cancels every ask. */
  withdraw(session: AgentSession): Promise<void>;
  close(): void;
}

const scaled = (decimal: string): bigint => {
  const parsed = parseDecimal(decimal, 6);
  return parsed.ok ? parsed.value : 0n;
};

export function createQuoter(quote: Quote, { log }: { log: Logger }): Quoter {
  let timer: NodeJS.Timeout | null = null;
  /** What the last ask offered: the quote's quantity, or what the capacity allowed. */
  let wantedTokens = scaled(quote.quantity);

  async function asks(session: AgentSession): Promise<AskView[]> {
    const all = (await session.call("list-asks", {})) as AskView[];
    return all.filter((ask) => ask.symbol === quote.symbol);
  }

  async function requote(session: AgentSession): Promise<void> {
    const open = await asks(session);
    const wanted = open.filter((ask) => scaled(ask.price) === scaled(quote.price));
    const offered = wanted.reduce((sum, ask) => sum + scaled(ask.remaining), 0n);
    const isEnough = offered * 2n >= wantedTokens && offered > 0n;
    if (isEnough && wanted.length === open.length) return;
    for (const ask of open) await session.call("cancel-ask", { orderId: ask.orderId });
    await place(session, quote.quantity);
  }

  /** Offers that much, or what the measured capacity still allows. */
  async function place(session: AgentSession, quantity: string): Promise<void> {
    try {
      await session.call("place-ask", { ...quote, quantity });
      wantedTokens = scaled(quantity);
      log.info({ ...quote, quantity }, "ask placed");
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      const less = wholeIncrements(session, String(error.details.allowed ?? "0"));
      if (error.code === "capacity-exceeded" && less !== null && quantity === quote.quantity) {
        log.info({ wanted: quantity, allowed: less }, "offering what the capacity allows");
        await place(session, less);
        return;
      }
      log.warn({ ...quote, code: error.code, reason: error.message }, "ask refused");
    }
  }

  /** Units rounded down to the instrument's increment; null when nothing is left. */
  function wholeIncrements(session: AgentSession, units: string): string | null {
    const { instruments } = session.welcome;
    const instrument = instruments.find((entry) => entry.symbol === quote.symbol);
    if (instrument === undefined) return null;
    const increment = BigInt(instrument.incrementTokens);
    const tokens = (scaled(units) / increment) * increment;
    return tokens === 0n ? null : formatUnits(tokens);
  }

  return {
    requote,
    onFill(session) {
      if (timer !== null) return;
      timer = setTimeout(() => {
        timer = null;
        requote(session).catch((error: Error) => log.warn({ reason: error.message }, "no requote"));
      }, REQUOTE_DELAY_MS);
    },
    async withdraw(session) {
      for (const ask of await asks(session)) {
        await session.call("cancel-ask", { orderId: ask.orderId });
      }
    },
    close() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
