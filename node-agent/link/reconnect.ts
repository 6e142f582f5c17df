/**
 * Keeps one socket up: links, waits for its end, and links again after a pause that grows with every
 * failure. Stops for good when trying again cannot help.
 */
import { LINK_CLOSE } from "#protocol/link-channel.ts";
import type { LinkEnd } from "./channel.ts";
import { LinkRefused } from "./refusal.ts";

/** First and longest bound of the pause; the pause itself is drawn evenly from 0 to the bound. */
export const RECONNECT_MS_MIN = 500;
export const RECONNECT_MS_MAX = 30_000;
/** A link that lasted this long counts as a success; one that ends at once is a failure like any. */
export const STABLE_LINK_MS = 10_000;

/** Full jitter: a thousand agents that lost the same exchange do not come back in the same second. */
export function reconnectPauseMs(failures: number, random: () => number): number {
  const boundMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** Math.min(failures, 16));
  return random() * boundMs;
}

export interface Linked {
  /** Resolves when the link serves; rejects when it cannot. */
  ready: Promise<void>;
  closed: Promise<LinkEnd>;
  close(reason: string): Promise<void>;
}

export interface LinkKeeperOptions {
  /** The spare socket never gives up by itself: whether there is a link at all the main one finds out. */
  isSpare?: boolean;
}

export interface LinkKeeperDependencies {
  connect(signal: AbortSignal): Promise<Linked>;
  /** Told of every failure and loss, with the pause that follows; null when there is no next try. */
  onDown(reason: Error, pauseMs: number | null): void;
  /** The exchange's wish when to come back, from now; taken once, and drawn up to twice as long. */
  takeDelayMs?(): number;
  /** 0 to 1. */
  random(): number;
  monotonicMs(): number;
  /** Resolves after the time or when the signal aborts. Never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export interface LinkKeeper {
  /** Resolves when the first attempt served or failed for now; rejects when linking can never work. */
  readonly first: Promise<void>;
  /** No further attempts; a link that is up stays up. */
  stop(): void;
}

/** Starts keeping a socket. */
export function keepLinked(
  { isSpare = false }: LinkKeeperOptions,
  dependencies: LinkKeeperDependencies,
): LinkKeeper {
  const { connect, onDown, random, monotonicMs, wait, takeDelayMs = () => 0 } = dependencies;
  const stopped = new AbortController();
  let failures = 0;
  let settleFirst: (final: Error | null) => void = () => {};
  const first = new Promise<void>((resolve, reject) => {
    settleFirst = (final) => (final === null ? resolve() : reject(final));
  });

  /** One link from dialling to its end; returns why it ended. */
  async function linkOnce(): Promise<Error> {
    let link: Linked;
    try {
      link = await connect(stopped.signal);
    } catch (error) {
      return error as Error;
    }
    const linkedAtMs = monotonicMs();
    try {
      await link.ready;
    } catch (error) {
      await link.close((error as Error).message);
      return error as Error;
    }
    settleFirst(null);
    const end = await link.closed;
    if (monotonicMs() - linkedAtMs >= STABLE_LINK_MS) failures = 0;
    return end.code === LINK_CLOSE.replaced ? replacedBy(end) : new Error(closedText(end));
  }

  async function keep(): Promise<void> {
    while (!stopped.signal.aborted) {
      const reason = await linkOnce();
      if (stopped.signal.aborted) break;
      if (reason instanceof LinkRefused && !reason.retryable && !isSpare) {
        onDown(reason, null);
        settleFirst(reason);
        return;
      }
      const wishedMs = Math.max(takeDelayMs(), retryAfterMsOf(reason)) * (1 + random());
      const pauseMs = Math.max(wishedMs, reconnectPauseMs(failures, random));
      failures += 1;
      onDown(reason, pauseMs);
      settleFirst(null);
      await wait(pauseMs, stopped.signal);
    }
    settleFirst(null);
  }

  void keep();
  return { first, stop: () => stopped.abort() };
}

function retryAfterMsOf(reason: Error): number {
  return reason instanceof LinkRefused ? reason.retryAfterMs : 0;
}

/** Why a link that a newer session closed may not come back. */
export function replacedBy(end: LinkEnd): LinkRefused {
  const text = `${closedText(end)}; another agent runs with this node's key`;
  return new LinkRefused("replaced", text, false);
}

function closedText({ code, reason }: LinkEnd): string {
  return `link closed: ${code} ${reason}`.trim();
}
