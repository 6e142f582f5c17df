/** The commands of one busy book, over and over: asks that come and go at forty prices. */
import type { Command } from "#exchange/core/commands.ts";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import { createStreamWorld } from "#exchange/streams/stream-world.fixture.ts";

const LEVELS = 40;
/** Far above what anybody needs here. */
const CONNECTIONS_MAX = 20_000;

export async function openBook() {
  const world = await createStreamWorld({
    connectionsMax: CONNECTIONS_MAX,
    connectionsPerAddressMax: CONNECTIONS_MAX,
  });
  const { account } = await world.supplier("seller", 1_000);
  await world.trader("buyer", 10n);
  const resting: number[] = [];
  let turn = 0;

  function ask(priceTicks: number): Command<"place-order"> {
    return {
      ...({ type: "place-order", account, symbol: SYMBOL, side: "sell" } as const),
      ...({ orderType: "limit", timeInForce: "gtc", priceTicks } as const),
      ...{ quantity: 1 + (turn % 50), maxSlippageBps: null, postOnly: false },
      ...{ clientOrderId: null, issueMissing: true },
    };
  }

  /** Changes one level of the book; resolves when that is durable, and so on its way to the readers. */
  async function change(): Promise<void> {
    turn += 1;
    if (resting.length < LEVELS || turn % 2 === 0) {
      resting.push((await world.run(ask(10_000 + ((turn * 7) % LEVELS)))).order);
    } else {
      const order = resting.shift() as number;
      await world.run({ type: "cancel-order", account, order });
    }
  }

  for (let count = 0; count < LEVELS; count += 1) await change();
  return { world, change };
}
