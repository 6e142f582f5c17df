/**
 * The agent: measures its backend, links to the exchange, quotes, serves, and comes back by itself
 * when the link is lost. `drain` ends it without breaking a delivery.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Instrument } from "#protocol/instrument.ts";
import type { Fill, GoAway, Measurement } from "#protocol/link-messages.ts";
import type { Identity } from "#protocol/signing.ts";
import { BackendError } from "./backends/backend-error.ts";
import type { BackendClient } from "./backends/openai-client.ts";
import { type WatchOptions, watchClient } from "./backends/watched-client.ts";
import type { ExchangePin } from "./identity.ts";
import { type LinkOptions, openLink } from "./link/handshake.ts";
import { createLines } from "./link/lines.ts";
import { LinkRefused } from "./link/refusal.ts";
import type { AgentSession } from "./link/session.ts";
import { qualify } from "./measurement.ts";
import { createQuoter, type Quote } from "./quoting.ts";
import { type AcceptedAttempts, forgetfulAttempts } from "./serving/accepted-attempts.ts";
import { Deliveries } from "./serving/deliveries.ts";
import type { DeliveryReport } from "./serving/delivery.ts";

/** Beyond this the operator is told. */
const CLOCK_SKEW_MS_MAX = 30_000;
/** How long a drain waits for deliveries that run. */
const DRAIN_MS_MAX = 60_000;

export interface AgentOptions extends LinkOptions {
  quote: Quote;
  slots: number;
  contextTokens: number | null;
  measurement: Measurement;
  /** When the backend counts as hanging. */
  watch?: WatchOptions;
}

export interface AgentDependencies {
  /** Which attempts were accepted, also before a restart; else they are forgotten with the process. */
  accepted?: AcceptedAttempts;
  identity: Identity;
  pin: ExchangePin;
  client: BackendClient;
  log: Logger;
  /** 0 to 1, for the jitter. */
  random: () => number;
  /** Milliseconds since the epoch, to tell the operator of a clock that is off; nothing rests on it. */
  nowMs?: () => number;
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
  const backend = watchClient(client, options.watch ?? {}, { onChange: onBackend });
  const deliveries = new Deliveries(
    { slots: options.slots },
    { backend, accepted: dependencies.accepted ?? forgetfulAttempts(), onReport },
  );
  const quoter = createQuoter(
    { quote: options.quote, nodeTag: nodeTagOf(dependencies.identity) },
    {
      onQuoted: (quote) => log.info(quote, "ask placed"),
      onProblem: ({ code, message }) => log.warn({ code, reason: message }, "no ask, for now"),
    },
  );
  let isStarted = false;
  let isStopping = false;
  const lines = createLines({
    open: (asked, signal) => openLink({ ...options, session: asked }, dependencies, { signal }),
    handlersOf: () => ({
      onRecord: (record, from) => deliveries.receive(record, from),
      onFill,
      onGoAway,
      onResumed: () => log.info("linked again: the session goes on"),
      onCancel: (attemptIds) => deliveries.cancel(attemptIds),
      onClose() {
        quoter.stop();
        // Nobody would get the output.
        deliveries.cancelAll();
      },
      activeDeliveries: () => deliveries.active,
      runningAttempts: () => deliveries.attempts(),
    }),
    serve,
    onDown,
    random,
    monotonicMs: () => performance.now(),
    wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
  });

  async function serve(linked: AgentSession): Promise<void> {
    if (isStopping) throw new LinkRefused("stopped", "the agent stops", true);
    log.info({ node: linked.welcome.nodeId, exchange: options.exchangeUrl }, "linked");
    warnOfSkew(linked.welcome.nowMs);
    // Once it answers it is offered.
    if (backend.isDown) return;
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

  function warnOfSkew(exchangeMs: number): void {
    const skewMs = (dependencies.nowMs?.() ?? exchangeMs) - exchangeMs;
    if (Math.abs(skewMs) <= CLOCK_SKEW_MS_MAX) return;
    log.warn({ skewMs }, "this machine's clock is off; the exchange goes by its own");
  }

  /** A server that hangs is not offered: the exchange takes the asks out of the book. */
  function onBackend(isDown: boolean): void {
    log.warn({ isDown }, isDown ? "the backend hangs; probing it" : "the backend answers again");
    const linked = lines.session;
    if (linked === null || isStopping) return;
    quoter.stop();
    if (isDown) linked.send({ type: "supply", slots: options.slots, instruments: [] });
    else void serve(linked).catch((error: Error) => linked.close(error.message));
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

  /** The exchange goes: what runs is finished in the time it gives, then the link is opened anew. */
  function onGoAway({ reason, deadlineMs, reconnectMs }: GoAway): void {
    log.info({ reason, deadlineMs, reconnectMs }, "the exchange goes");
    lines.holdOff(reconnectMs);
    quoter.stop();
    const leaving = lines.session;
    void idleOrLate(deadlineMs).then(() => leaving?.close(reason));
  }

  /** Resolves when nothing runs any more, or when it is late. */
  async function idleOrLate(deadlineMs: number): Promise<void> {
    const late = new AbortController();
    const timeout = sleep(deadlineMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([deliveries.idle(), timeout]);
    late.abort();
  }

  return {
    async start() {
      await lines.start();
      isStarted = true;
    },
    async drain(reason) {
      isStopping = true;
      quoter.stop();
      const linked = lines.session;
      if (linked?.isLinked) {
        await quoter.withdraw(linked).catch(() => {});
        await linked.drain(reason, DRAIN_MS_MAX);
        await idleOrLate(DRAIN_MS_MAX);
        // What is late ends with a word, so that the exchange need not wait for it.
        deliveries.failAll(new BackendError("cancelled", "the agent stops"));
      }
      // Not before: a socket that is lost meanwhile is opened anew for what still runs.
      lines.stop();
      await linked?.close(reason);
      await backend.close();
      dependencies.accepted?.close();
    },
    get activeDeliveries() {
      return deliveries.active;
    },
    get isLinked() {
      return lines.session?.isLinked ?? false;
    },
  };
}

/** What marks this node's orders: short enough for a client order id, and the same after a restart. */
function nodeTagOf({ publicKey }: Identity): string {
  return publicKey.toString("base64url").slice(0, 16);
}
