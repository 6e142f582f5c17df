/** Streams that are not as the core is: readers are sent away and get what is so. */
import { afterEach, expect, test } from "vitest";
import { SYMBOL } from "#exchange/core/core.fixture.ts";
import type { CoreEvent } from "#exchange/core/events.ts";
import { createStreamWorld, type StreamWorld } from "./stream-world.fixture.ts";

let world: StreamWorld;
afterEach(() => world.close());

/** A forgery of the next event; the real one of that number is then passed over. */
const FORGERIES: [what: string, forge: (seq: number) => CoreEvent, problem: RegExp][] = [
  [
    "an order that nobody placed",
    (seq) => ({ type: "order-rested", version: 1, seq, atMs: 1, order: 999 }),
    /streams know no open order 999/,
  ],
  [
    "an event after one that is missing",
    (seq) => ({ type: "time-passed", version: 1, seq: seq + 1, atMs: 1 }),
    /streams stand at event \d+ and got \d+/,
  ],
  [
    "an event instead of the one that rested an order",
    (seq) => ({ type: "time-passed", version: 1, seq, atMs: 1 }),
    /streams know no open order|orders rest here/,
  ],
];

test.each(FORGERIES)(
  "%s closes every reader, and the next one gets the core's book",
  async (...row) => {
    const [, forge, problem] = row;
    world = await createStreamWorld();
    const seller = await world.supplier("seller");
    await world.issue(seller, 20);
    const client = await world.connect();
    const book = { name: "market.book", market: world.market };
    await client.subscribe(book);
    await client.next("book_snapshot");
    world.forge(forge(world.shell.state.seq + 1));
    await world.order(seller, "sell", "1.2500", "2");
    expect(await client.closed).toEqual({ code: 1011, reason: "internal_error" });
    expect(world.errors).toHaveLength(1);
    expect(world.errors[0]).toMatch(problem);

    const next = await world.connect();
    await next.subscribe(book);
    const { data } = (await next.next("book_snapshot")).payload;
    expect(data.asks).toEqual([["1.2500", "2"]]);
    await world.order(seller, "sell", "1.2600", "1");
    expect((await next.next("book_update")).payload.data).toMatchObject({
      previous_sequence: data.sequence,
      asks: [["1.2600", "1"]],
    });
    expect(world.shell.state.instruments.get(SYMBOL)?.book.size).toBe(2);
  },
);
