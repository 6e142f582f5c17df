/** The streams over real sockets, on a real core and shell whose journal is in memory. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import type { Shell } from "#exchange/shell.ts";
import { createTestExchange, type Trader } from "#exchange/trading/trading.fixture.ts";
import { publicId } from "#protocol/ids.ts";
import type { StreamLimits } from "./limits.ts";
import { PublishedClient } from "./published-client.fixture.ts";
import { createStreamServer } from "./stream-server.ts";

export async function createStreamWorld(limits: Partial<StreamLimits> = {}) {
  const exchange = await createTestExchange();
  const { history, clock } = exchange;
  let toStreams: (events: readonly CoreEvent[]) => void = () => {};
  const shell: Shell = {
    ...exchange.shell,
    get state() {
      return exchange.shell.state;
    },
    get stoppedBecause() {
      return exchange.shell.stoppedBecause;
    },
    subscribe(listener) {
      toStreams = listener;
      return exchange.shell.subscribe(listener);
    },
  };
  const errors: string[] = [];
  const log = { error: (fields: object) => void errors.push(JSON.stringify(fields)) };
  const streams = createStreamServer({ shell, history, clock, log: log as never, limits });
  const server = createServer();
  const wires: Duplex[] = [];
  server.on("upgrade", (request, socket, head) => {
    wires.push(socket);
    streams.upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  const clients: PublishedClient[] = [];
  const market = publicId("market", shell.state.instruments.get(SYMBOL)?.number ?? 0);

  async function connect(): Promise<PublishedClient> {
    const client = await PublishedClient.connect(url);
    clients.push(client);
    return client;
  }

  return {
    ...exchange,
    errors,
    streams,
    /** Gives events to the streams that the journal never held. */
    forge: (...events: CoreEvent[]) => toStreams(events),
    /** The exchange's ends of the connections, in their order. */
    wires,
    url,
    /** The market id of `text-lite`. */
    market,
    connect,
    /** A connection that has signed in as that trader. */
    async connectAs({ identity }: Trader): Promise<PublishedClient> {
      const client = await connect();
      const reply = await client.authenticate(identity, clock.nowMs());
      if (reply.status !== "ok") throw new Error(JSON.stringify(reply));
      return client;
    },
    /** Places a limit order over the trading API; returns its id. */
    async order(trader: Trader, side: "buy" | "sell", price: string, quantity: string) {
      const body = { market_id: market, side, type: "limit", price, quantity };
      const placed = await trader.post("/v1/orders", body);
      if (placed.status !== 201) throw new Error(JSON.stringify(placed.body));
      return (placed.body.data as { order_id: string }).order_id;
    },
    /** Issues Units into the trading account, to be sold. */
    async issue(trader: Trader, units: number): Promise<void> {
      const { account } = trader;
      const quantity = units * 100;
      await exchange.run({ type: "issue-supply", account, symbol: SYMBOL, quantity });
      await exchange.run({ type: "transfer-issued", account, symbol: SYMBOL, quantity });
    },
    async close(): Promise<void> {
      for (const { socket } of clients) socket.terminate();
      streams.close();
      await new Promise((resolve) => server.close(resolve));
      await exchange.close();
    },
  };
}

export type StreamWorld = Awaited<ReturnType<typeof createStreamWorld>>;
