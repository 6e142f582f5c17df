/** A trader with an API client that names its orders and repeats what was not answered. */
import type { Command, PlaceOrder } from "#exchange/core/commands.ts";
import { SYMBOLS } from "#simulation/settings.ts";
import type { World } from "#simulation/world.ts";

const MIDDLE_TICKS = 10_000;
const RECENT_MAX = 30;
/** Ids are kept for ten minutes, and the exchange's clock may be wrong by some of them. */
const REPEATS_FOR_MS = 60_000;

/** Places, cancels and repeats orders until the world ends. */
export async function startTrader(world: World, account: number): Promise<void> {
  const random = world.random.fork();
  const { network, scheduler, tally, oracle } = world;
  /** Orders that were confirmed, newest last. */
  const placed: { command: Command<"place-order">; order: number; atMs: number }[] = [];
  let ids = 0;

  function someOrder(): Command<"place-order"> {
    ids += 1;
    const orderType = random.oneIn(4) ? "market" : "limit";
    const timeInForce = random.pick(["gtc", "gtc", "ioc", "fok"] as const);
    const away = random.between(-60, 60);
    return {
      type: "place-order",
      account,
      symbol: random.pick(SYMBOLS),
      // Sold on is what waits in Trading; who has nothing there is refused.
      side: random.oneIn(3) ? "sell" : "buy",
      orderType,
      timeInForce: orderType === "market" ? "ioc" : timeInForce,
      quantity: random.between(1, random.oneIn(5) ? 4_000 : 40),
      priceTicks: orderType === "market" ? null : MIDDLE_TICKS + away,
      maxSlippageBps: orderType === "market" && random.oneIn(2) ? random.between(0, 20) : null,
      postOnly: orderType === "limit" && timeInForce === "gtc" && random.oneIn(5),
      clientOrderId: `${account}-${ids}`,
      issueMissing: false,
    };
  }

  async function place(): Promise<void> {
    const command = someOrder();
    const atMs = scheduler.nowMs;
    const outcome = await network.insist(command);
    if (outcome?.ok !== true) return;
    placed.push({ command, order: outcome.result.order, atMs });
    if (placed.length > RECENT_MAX) placed.shift();
  }

  async function repeat(): Promise<void> {
    const last = placed.at(-1);
    if (last === undefined || scheduler.nowMs - last.atMs > REPEATS_FOR_MS) return;
    const { command, order } = last;
    if (random.oneIn(2)) {
      const other: PlaceOrder & Command<"place-order"> = {
        ...command,
        quantity: command.quantity + 1,
      };
      const outcome = await network.insist(other);
      tally.hit("client id reused for another order");
      if (outcome?.ok === true) {
        oracle.breach(`client id ${command.clientOrderId} placed another order`);
      }
      return;
    }
    const again = await network.insist(command);
    if (again?.ok !== true) return;
    tally.saw("same answer given again");
    if (again.result.order !== order) {
      oracle.breach(
        `client id ${command.clientOrderId} was order ${order} and is ${again.result.order} now`,
      );
    }
  }

  while (!world.isEnding) {
    await scheduler.wait(random.between(1_000, 9_000));
    const what = random.below(20);
    if (what < 11) await place();
    else if (what < 16 && placed.length > 0) {
      await network.insist({ type: "cancel-order", account, order: random.pick(placed).order });
    } else if (what === 16) {
      await network.insist({ type: "cancel-orders", account, symbol: random.pick(SYMBOLS) });
    } else await repeat();
  }
}
