/** One exchange over its many lives: while a process serves, the next is loaded already and waits. */
import { type Ended, type ExchangeChild, PROCESS_MS_MAX, spawnExchange } from "./exchange-child.ts";
import type { KillPoint, ProcessOptions } from "./exchange-words.ts";

export type LivesOptions = Omit<ProcessOptions, "port">;

export interface ExchangeLives {
  /** The process that is, or was last. */
  readonly child: ExchangeChild;
  /** Where it listens, over all its lives; empty before the first. */
  readonly url: string;
  readonly starts: number;
  readonly slowestStartMs: number;
  /** Resolves when the next process serves, or has died before. */
  start(killAt: KillPoint | null): Promise<void>;
  /** Ends the process, or waits until it does so itself; resolves when nobody has the files open. */
  end(signal: "SIGKILL" | "SIGTERM" | null): Promise<Ended>;
  close(): Promise<void>;
}

export function createExchangeLives(options: LivesOptions): ExchangeLives {
  let port = 0;
  let starts = 0;
  let slowestStartMs = 0;
  let spare: ExchangeChild | null = spawnExchange({ ...options, port });
  let child = spare;

  return {
    get child() {
      return child;
    },
    get url() {
      return port === 0 ? "" : `http://127.0.0.1:${port}`;
    },
    get starts() {
      return starts;
    },
    get slowestStartMs() {
      return slowestStartMs;
    },
    async start(killAt) {
      child = spare ?? spawnExchange({ ...options, port });
      spare = null;
      await child.go(killAt);
      starts += 1;
      if (!child.isReady) return;
      port = child.port;
      slowestStartMs = Math.max(slowestStartMs, child.startMs);
      spare = spawnExchange({ ...options, port });
    },
    async end(signal) {
      if (signal !== null) child.kill(signal);
      const watch = setTimeout(() => child.kill("SIGKILL"), PROCESS_MS_MAX);
      const ended = await child.ended;
      clearTimeout(watch);
      return ended;
    },
    async close() {
      for (const each of [child, spare]) {
        each?.kill("SIGKILL");
        await each?.ended;
      }
    },
  };
}
