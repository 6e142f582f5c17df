/** A supplier with two nodes: links that come and go, quotes that are replaced, capacity that changes. */
import type { Command, CommandType } from "#exchange/core/commands.ts";
import type { ExchangeLife } from "#simulation/exchange-life.ts";
import type { Random } from "#simulation/random.ts";
import { SYMBOLS } from "#simulation/settings.ts";
import type { World } from "#simulation/world.ts";

const NODES = 2;
const MIDDLE_TICKS = 10_000;
/** Tokens per window of one node; theta makes a quarter of it saleable. */
const CAPACITY_TOKENS = 40_000_000;
const SYMBOL_OF = (n: number) => (n % 2 === 0 ? [SYMBOLS[0]] : [...SYMBOLS]);

/** Enrols the nodes and runs them and the quotes until the world ends. */
export async function startSupplier(world: World, account: number, n: number): Promise<void> {
  const nodes: number[] = [];
  for (let index = 0; index < NODES; index += 1) {
    nodes.push(await enrol(world, account, `supplier-${n}-node-${index}`));
  }
  await Promise.all([
    ...nodes.map((node) => new NodeLink(world, node, SYMBOL_OF(n)).run()),
    quote(world, account, SYMBOL_OF(n)),
  ]);
}

async function enrol(world: World, account: number, name: string): Promise<number> {
  const { network } = world;
  const tokenHash = `token-${name}`;
  for (;;) {
    const known = await network.read((state) => state.nodesByKey.get(`key-${name}`));
    if (known !== undefined) return known;
    const expiresAtMs = world.scheduler.nowMs + 3_600_000;
    await network.insist({
      type: "create-join-token",
      account,
      tokenHash,
      nodesMax: 1,
      expiresAtMs,
    });
    await network.insist({ type: "enrol-node", tokenHash, publicKey: `key-${name}`, name });
  }
}

/** One node's link. Its sessions are made by the exchange, so they end with the process. */
class NodeLink {
  readonly #world: World;
  readonly #node: number;
  readonly #symbols: readonly string[];
  readonly #random: Random;
  #capacityTokens = CAPACITY_TOKENS;
  #sessions = 0;

  constructor(world: World, node: number, symbols: readonly string[]) {
    this.#world = world;
    this.#node = node;
    this.#symbols = symbols;
    this.#random = world.random.fork();
  }

  async run(): Promise<void> {
    const { scheduler, tally } = this.#world;
    while (!this.#world.isEnding) {
      const { life } = this.#world;
      if (life?.isOpen !== true || !(await this.#connect(life))) {
        await scheduler.wait(this.#random.between(300, 3_000));
        continue;
      }
      const session = this.#sessions;
      await Promise.race([life.died, scheduler.wait(this.#random.between(20_000, 240_000))]);
      if (!life.isAlive) {
        await scheduler.wait(this.#random.between(500, 15_000));
        continue;
      }
      const what = this.#random.below(5);
      if (what === 0) {
        // The node starts again and links before the old link is seen to be dead.
        const isLinked = await this.#connect(life);
        await this.#disconnect(life, session);
        if (isLinked) this.#expectLinked(life);
        tally.hit("session taken over");
        tally.hit("end of an old session told late");
      } else if (what === 1) {
        this.#capacityTokens = this.#random.pick([CAPACITY_TOKENS, CAPACITY_TOKENS / 20]);
        if (this.#capacityTokens < CAPACITY_TOKENS) tally.hit("capacity fell");
        await this.#connect(life);
      } else {
        await this.#disconnect(life, session);
        const isLong = this.#random.oneIn(3);
        await scheduler.wait(
          isLong
            ? this.#random.between(26_000, this.#random.oneIn(4) ? 400_000 : 120_000)
            : this.#random.between(500, 20_000),
        );
        tally.hit(isLong ? "link lost beyond grace" : "link lost and back within grace");
      }
    }
  }

  /** The newest session is the node's, whatever was heard of an older one. */
  #expectLinked(life: ExchangeLife): void {
    if (!life.isOpen) return;
    const { session } = life.state.nodes.get(this.#node) ?? {};
    const expected = `node-${this.#node}-${this.#sessions}`;
    if (session !== expected) {
      this.#world.oracle.breach(`node ${this.#node} is linked by ${session}, expected ${expected}`);
    }
  }

  #connect(life: ExchangeLife): Promise<boolean> {
    this.#sessions += 1;
    return inside(life, {
      type: "connect-node",
      node: this.#node,
      session: `node-${this.#node}-${this.#sessions}`,
      slots: 4,
      supplies: this.#symbols.map((symbol) => ({ symbol, capacityTokens: this.#capacityTokens })),
    });
  }

  #disconnect(life: ExchangeLife, session: number): Promise<boolean> {
    return inside(life, {
      type: "disconnect-node",
      node: this.#node,
      session: `node-${this.#node}-${session}`,
      reason: "link-lost",
    });
  }
}

/** Runs a command of the exchange's own; false when its process ended meanwhile or it was refused. */
export function inside<T extends CommandType>(
  life: ExchangeLife,
  command: Command<T>,
): Promise<boolean> {
  if (!life.isOpen) return Promise.resolve(false);
  return Promise.race([life.execute(command).then(({ ok }) => ok), life.died.then(() => false)]);
}

/** Replaces the supplier's asks from time to time, and sometimes bids, also against itself. */
async function quote(world: World, account: number, symbols: readonly string[]): Promise<void> {
  const random = world.random.fork();
  const { network, scheduler } = world;
  let ids = 0;
  const order = (side: "buy" | "sell", quantity: number): Command<"place-order"> => {
    ids += 1;
    return {
      type: "place-order",
      account,
      symbol: random.pick(symbols),
      side,
      orderType: "limit",
      timeInForce: side === "sell" || random.oneIn(2) ? "gtc" : "ioc",
      quantity,
      priceTicks: MIDDLE_TICKS + random.between(-40, 60),
      maxSlippageBps: null,
      postOnly: false,
      clientOrderId: `quote-${account}-${ids}`,
      issueMissing: side === "sell",
    };
  };
  while (!world.isEnding) {
    await scheduler.wait(random.between(2_000, 15_000));
    const what = random.below(12);
    if (what < 7)
      await network.insist(order("sell", random.between(5, random.oneIn(4) ? 2_000 : 300)));
    else if (what < 9) await network.insist({ type: "cancel-orders", account, symbol: null });
    else if (what === 9) await network.insist(order("buy", random.between(1, 50)));
    else {
      const quantity = random.between(1, 200);
      const symbol = random.pick(symbols);
      const issued = await network.call({ type: "issue-supply", account, symbol, quantity });
      if (issued?.ok === true) {
        await network.call({ type: "transfer-issued", account, symbol, quantity });
      }
    }
  }
}
