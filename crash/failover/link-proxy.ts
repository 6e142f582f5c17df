/**
 * The network between a supplier's node and the exchange: passes bytes, until it is told to drop the
 * link, to lose one side of it without telling the other, or to swallow everything for a while.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface LinkProxy {
  readonly url: string;
  /** Both sides see a reset. */
  drop(): void;
  /** One side sees a reset, the other nothing. */
  loseSide(side: "agent" | "exchange"): void;
  /** Nothing arrives any more, in either direction; new connections neither. */
  stall(): void;
  /** What was stalled flows again, and new connections pass. */
  resume(): void;
  close(): Promise<void>;
}

interface Pair {
  agent: Socket;
  exchange: Socket;
}

/** Listens at a port of its own, before an exchange at `targetPort`. */
export async function startLinkProxy(targetPort: number): Promise<LinkProxy> {
  const pairs = new Set<Pair>();
  let isStalled = false;

  const server = createServer({ pauseOnConnect: true }, (agent) => {
    const exchange = connect(targetPort, "127.0.0.1");
    const pair = { agent, exchange };
    pairs.add(pair);
    join(pair, agent, exchange);
    join(pair, exchange, agent);
    if (isStalled) pause(pair);
    else agent.resume();
  });

  function join(pair: Pair, from: Socket, to: Socket): void {
    from.on("data", (part) => {
      if (!to.destroyed) to.write(part);
    });
    from.on("error", () => {});
    from.on("end", () => to.end());
    from.on("close", () => {
      // A side that was lost on purpose is not told to the other.
      if (!pairs.has(pair)) return;
      pairs.delete(pair);
      to.destroy();
    });
  }

  function pause({ agent, exchange }: Pair): void {
    agent.pause();
    exchange.pause();
  }

  const half: Socket[] = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    drop() {
      for (const { agent, exchange } of pairs) {
        agent.resetAndDestroy();
        exchange.resetAndDestroy();
      }
      pairs.clear();
    },
    loseSide(side) {
      for (const pair of pairs) {
        pairs.delete(pair);
        pair[side].resetAndDestroy();
        half.push(side === "agent" ? pair.exchange : pair.agent);
      }
    },
    stall() {
      isStalled = true;
      for (const pair of pairs) pause(pair);
    },
    resume() {
      isStalled = false;
      for (const { agent, exchange } of pairs) {
        agent.resume();
        exchange.resume();
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { agent, exchange } of pairs) for (const each of [agent, exchange]) each.destroy();
      for (const socket of half) socket.destroy();
      await closed;
    },
  };
}
