/**
 * Two sockets for one session: the main one opens it, the spare one stands by. Whichever is up when the
 * other is lost carries on.
 */
import { type Hello, LINK_CLOSE } from "#protocol/link-channel.ts";
import type { OpenLink } from "./handshake.ts";
import {
  keepLinked,
  type Linked,
  type LinkKeeper,
  type LinkKeeperDependencies,
  replacedBy,
} from "./reconnect.ts";
import { LinkRefused } from "./refusal.ts";
import { AgentSession, type SessionHandlers } from "./session.ts";

export interface LinesDependencies
  extends Pick<LinkKeeperDependencies, "onDown" | "random" | "monotonicMs" | "wait"> {
  /** Opens a socket for a session; for a new one where none is named. */
  open(session: Hello["session"], signal: AbortSignal): Promise<OpenLink>;
  /** What a new session does with what comes. */
  handlersOf(): SessionHandlers;
  /** A new session is open: resolves when it serves, rejects when it cannot. */
  serve(session: AgentSession): Promise<void>;
}

export interface Lines {
  /** Resolves when the first attempt served or failed for now; rejects when linking can never work. */
  start(): Promise<void>;
  /** The session that is open, resumable at least. */
  readonly session: AgentSession | null;
  /** No further attempts; sockets that are up stay up. */
  stop(): void;
  /** The next attempts wait so long and at most twice as long. */
  holdOff(ms: number): void;
}

export function createLines(dependencies: LinesDependencies): Lines {
  const { open, handlersOf, serve, onDown, random, monotonicMs, wait } = dependencies;
  const keepers: LinkKeeper[] = [];
  const delaysMs = [0, 0];
  let session: AgentSession | null = null;
  let isGivenUp = false;

  /** Nothing is dialled again by either: dialling anew would only throw the other agent out. */
  function giveUp(reason: Error): void {
    if (isGivenUp) return;
    isGivenUp = true;
    for (const keeper of keepers) keeper.stop();
    onDown(reason, null);
  }

  function nameOf({ welcome }: AgentSession, onlyThis: boolean): Hello["session"] {
    return { id: welcome.sessionId, epoch: welcome.epoch, onlyThis };
  }

  async function connectMain(signal: AbortSignal): Promise<Linked> {
    const known = session?.isOpen ? session : null;
    const link = await open(known === null ? undefined : nameOf(known, false), signal);
    const { welcome } = link;
    if (known?.isOpen && welcome.sessionId === known.welcome.sessionId) {
      return linked(known, link, Promise.resolve());
    }
    // What ran in the former session cannot be told any more.
    session?.abandon("the exchange opened a new session");
    const opened = new AgentSession(welcome, handlersOf());
    session = opened;
    const channel = opened.join(link);
    return asLinked(channel.closed, serve(opened), opened);
  }

  async function connectSpare(signal: AbortSignal): Promise<Linked> {
    const known = session;
    if (!known?.isOpen) throw new LinkRefused("no-session", "there is no session yet", true);
    const link = await open(nameOf(known, true), signal);
    const spare = linked(known, link, Promise.resolve());
    void spare.closed.then((end) => {
      if (end.code === LINK_CLOSE.replaced) giveUp(replacedBy(end));
    });
    return spare;
  }

  function linked(known: AgentSession, link: OpenLink, ready: Promise<void>): Linked {
    const channel = known.join(link);
    // It ended while the socket was opened.
    if (!known.isOpen) channel.cut("the session is over");
    return asLinked(channel.closed, ready, known);
  }

  function asLinked(closed: Linked["closed"], ready: Promise<void>, of: AgentSession): Linked {
    return { ready, closed, close: async (reason) => void (await of.close(reason)) };
  }

  function keep(connect: (signal: AbortSignal) => Promise<Linked>, isSpare: boolean): LinkKeeper {
    const index = isSpare ? 1 : 0;
    const keeper = keepLinked(
      { isSpare },
      {
        connect,
        onDown(reason, pauseMs) {
          if (isSpare) return;
          if (pauseMs === null) giveUp(reason);
          else onDown(reason, pauseMs);
        },
        takeDelayMs() {
          const delayMs = delaysMs[index] as number;
          delaysMs[index] = 0;
          return delayMs;
        },
        random,
        monotonicMs,
        wait,
      },
    );
    keepers.push(keeper);
    return keeper;
  }

  return {
    async start() {
      await keep(connectMain, false).first;
      // Only behind the first: it would have nothing to stand by for.
      void keep(connectSpare, true).first;
    },
    get session() {
      return session?.isOpen ? session : null;
    },
    stop() {
      for (const keeper of keepers) keeper.stop();
    },
    holdOff: (ms) => delaysMs.fill(ms),
  };
}
