/**
 * The agent: measures its backend, links to the exchange, quotes, serves, and comes back by itself
 * when the link is lost. `drain` ends it without breaking a delivery.
 */
import type { Logger } from "pino";
import type { Fill, Measurement } from "#protocol/link-messages.ts";
import type { Identity } from "#protocol/signing.ts";
import type { BackendClient } from "./backends/openai-client.ts";
import type { ExchangePin } from "./identity.ts";
import { type LinkOptions, LinkRefused, openLink } from "./link/handshake.ts";
import { AgentSession } from "./link/session.ts";
import { qualify } from "./measurement.ts";
import { createQuoter, type Quote } from "./quoting.ts";
import { Deliveries } from "./serving/deliveries.ts";

/** First and longest pause before linking again; the pause is drawn evenly from 0 to the bound. */
const RECONNECT_MS_MIN = 500;
const RECONNECT_MS_MAX = 30_000;
/** How long a drain waits for deliveries that run. */
const DRAIN_MS_MAX = 60_000;

export interface AgentOptions extends LinkOptions {
  quote: Quote;
  slots: number;
  contextTokens: number | null;
  measurement: Measurement;
}

export interface AgentDependencies {
  identity: Identity;
  pin: ExchangePin;
  client: BackendClient;
  log: Logger;
  /** 0 to 1, for the jitter. */
  random: () => number;
}

export interface Agent {
  /** Links and quotes; resolves at the first ask attempt, rejects when linking can never work. */
  start(): Promise<void>;
  /** Withdraws the asks, finishes what runs, closes the link. */
  drain(reason: string): Promise<void>;
  readonly activeDeliveries: number;
  readonly isLinked: boolean;
}

export function createAgent(options: AgentOptions, dependencies: AgentDependencies): Agent {
  const { client, log, random } = dependencies;
  const deliveries = new Deliveries({ slots: options.slots }, client);
  const quoter = createQuoter(options.quote, { log: log.child({ component: "quoting" }) });
  let session: AgentSession | null = null;
  let stopping = false;
  let failures = 0;
  let timer: NodeJS.Timeout | null = null;

  async function link(): Promise<void> {
    const open = await openLink(options, dependencies);
    failures = 0;
    const linked = new AgentSession(open, {
      onRecord: (record, from) => deliveries.receive(record, from),
      onFill: (fill) => onFill(fill, linked),
      onDrain: (reason) => log.info({ reason }, "the exchange drains"),
      onClose: (reason) => onClose(reason),
    });
    session = linked;
    log.info({ node: open.welcome.nodeId, exchange: options.exchangeUrl }, "linked");
    offer(linked);
    await quoter.requote(linked);
  }

  /** Tells the exchange what this node serves, as far as its measurement carries. */
  function offer(linked: AgentSession): void {
    const { symbol } = options.quote;
    const instrument = linked.welcome.instruments.find((entry) => entry.symbol === symbol);
    if (instrument === undefined) {
      const known = linked.welcome.instruments.map((entry) => entry.symbol).join(", ");
      throw new LinkRefused(
        "instrument-not-found",
        `the exchange lists no "${symbol}"; it has ${known}`,
        false,
      );
    }
    const { measurement, slots, contextTokens } = options;
    const qualified = qualify(measurement, instrument, { contextTokens, slots });
    if (!qualified.ok) {
      throw new LinkRefused(
        "not-qualified",
        `this server does not qualify for ${symbol}: ${qualified.reasons.join("; ")}`,
        false,
      );
    }
    const { capacityTokensPerWindow } = qualified;
    linked.send({
      type: "supply",
      slots,
      instruments: [{ symbol, capacityTokensPerWindow, measurement }],
    });
  }

  function onFill(fill: Fill, linked: AgentSession): void {
    log.info({ symbol: fill.symbol, price: fill.price, quantity: fill.quantity }, "sold");
    if (!stopping) quoter.onFill(linked);
  }

  function onClose(reason: string): void {
    session = null;
    deliveries.cancelAll();
    if (stopping) return;
    log.warn({ reason }, "link lost");
    linkLater();
  }

  function linkLater(): void {
    // A link that is lost while it quotes ends twice: as a closed session and as a call that failed.
    if (timer !== null) return;
    const boundMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** failures);
    failures += 1;
    timer = setTimeout(() => {
      timer = null;
      link().catch((error: Error) => {
        const final = error instanceof LinkRefused && !error.retryable;
        log.warn({ reason: error.message, final }, "no link");
        if (final) session?.close(error.message);
        if (!final && !stopping && session === null) linkLater();
      });
    }, random() * boundMs);
  }

  return {
    async start() {
      try {
        await link();
      } catch (error) {
        if (error instanceof LinkRefused && !error.retryable) {
          stopping = true;
          session?.close(error.message);
          throw error;
        }
        log.warn({ reason: (error as Error).message }, "no link yet");
        if (session === null) linkLater();
      }
    },
    async drain(reason) {
      stopping = true;
      if (timer !== null) clearTimeout(timer);
      quoter.close();
      const linked: AgentSession | null = session;
      if (linked?.isOpen) {
        await quoter.withdraw(linked).catch(() => {});
        linked.send({ type: "drain", reason, deadlineMs: DRAIN_MS_MAX });
        let deadline: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          deadline = setTimeout(resolve, DRAIN_MS_MAX);
        });
        await Promise.race([deliveries.idle(), late]);
        clearTimeout(deadline);
        linked.close(reason);
      }
      await client.close();
    },
    get activeDeliveries() {
      return deliveries.active;
    },
    get isLinked() {
      return session?.isOpen ?? false;
    },
  };
}
