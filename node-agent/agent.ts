/**
 * The agent: measures its backend, links to the exchange, quotes, serves, and comes back by itself
 * when the link is lost. `drain` ends it without breaking a delivery.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Instrument } from "#protocol/instrument.ts";
import type { Fill, Measurement } from "#protocol/link-messages.ts";
import type { Identity } from "#protocol/signing.ts";
import type { BackendClient } from "./backends/openai-client.ts";
import type { ExchangePin } from "./identity.ts";
import { type LinkOptions, openLink } from "./link/handshake.ts";
import { keepLinked, type Linked, type LinkKeeper } from "./link/reconnect.ts";
import { LinkRefused } from "./link/refusal.ts";
import { AgentSession } from "./link/session.ts";
import { qualify } from "./measurement.ts";
import { createQuoter, type Quote } from "./quoting.ts";
import { Deliveries } from "./serving/deliveries.ts";
import type { DeliveryReport } from "./serving/delivery.ts";

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
  /** Told when a link that once was up can never come back, which ends the agent's use. */
  onGivenUp?: (reason: Error) => void;
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
  if (options.slots > client.connections) {
    throw new RangeError(
      `${options.slots} slots, but only ${client.connections} connections to the backend`,
    );
  }
  const deliveries = new Deliveries({ slots: options.slots }, { backend: client, onReport });
  const quoter = createQuoter(
    { quote: options.quote, nodeTag: nodeTagOf(dependencies.identity) },
    {
      onQuoted: (quote) => log.info(quote, "ask placed"),
      onProblem: ({ code, message }) => log.warn({ code, reason: message }, "no ask, for now"),
    },
  );
  let session: AgentSession | null = null;
  let keeper: LinkKeeper | null = null;
  let isStarted = false;
  let isStopping = false;

  async function connect(signal: AbortSignal): Promise<Linked> {
    const open = await openLink(options, dependencies, { signal });
    const linked = new AgentSession(open, {
      onRecord: (record, from) => deliveries.receive(record, from),
      onFill,
      onDrain: (reason) => log.info({ reason }, "the exchange drains"),
      onClose() {
        session = null;
        quoter.stop();
        // Nobody would get the output.
        deliveries.cancelAll();
      },
      activeDeliveries: () => deliveries.active,
    });
    session = linked;
    log.info({ node: open.welcome.nodeId, exchange: options.exchangeUrl }, "linked");
    linked.begin();
    return {
      ready: serve(linked),
      closed: linked.closed,
      close: async (reason) => void (await linked.close(reason)),
    };
  }

  async function serve(linked: AgentSession): Promise<void> {
    if (isStopping) throw new LinkRefused("stopped", "the agent stops", true);
    const { incrementTokens } = offer(linked);
    await quoter.start(linked, incrementTokens);
  }

  /** Tells the exchange what this node serves, as far as its measurement carries. */
  function offer(linked: AgentSession): Instrument {
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
    return instrument;
  }

  function onFill({ symbol, price, quantity }: Fill): void {
    log.info({ symbol, price, quantity }, "sold");
    quoter.onFill();
  }

  function onReport(report: DeliveryReport): void {
    const isFine = report.outcome === "served" || report.outcome === "cancelled";
    log[isFine ? "debug" : "warn"](report, "delivery");
  }

  function onDown(reason: Error, pauseMs: number | null): void {
    log.warn({ reason: reason.message, pauseMs }, pauseMs === null ? "given up" : "no link");
    if (pauseMs === null && isStarted) dependencies.onGivenUp?.(reason);
  }

  return {
    async start() {
      keeper = keepLinked({
        connect,
        onDown,
        random,
        monotonicMs: () => performance.now(),
        wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
      });
      await keeper.first;
      isStarted = true;
    },
    async drain(reason) {
      isStopping = true;
      keeper?.stop();
      quoter.stop();
      const linked = session;
      if (linked?.isOpen) {
        await quoter.withdraw(linked).catch(() => {});
        linked.send({ type: "drain", reason, deadlineMs: DRAIN_MS_MAX });
        const late = new AbortController();
        await Promise.race([
          deliveries.idle(),
          sleep(DRAIN_MS_MAX, undefined, { signal: late.signal }).catch(() => {}),
        ]);
        late.abort();
        await linked.close(reason);
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

/** What marks this node's orders: short enough for a client order id, and the same after a restart. */
function nodeTagOf({ publicKey }: Identity): string {
  return publicKey.toString("base64url").slice(0, 16);
}
