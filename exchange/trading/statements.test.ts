/** A trader's statement over a real socket: figures, days, and what is no day. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PublishedClient } from "./published-client.fixture.ts";
import { type PublishedWorld, refusal, startPublishedWorld } from "./published-world.fixture.ts";

let world: PublishedWorld;
let trader: PublishedClient;
beforeAll(async () => {
  world = await startPublishedWorld();
  ({ trader } = world);
});
afterAll(() => world.close());

test("today's says what came in, what went out, and what is there now", async () => {
  await trader.post("/withdrawals", { amount: "12.50", reference: "out" });
  const [withdrawal] = await trader.get("/withdrawals");
  await world.operator("POST", `withdrawals/${withdrawal?.withdrawal_id}/complete`);
  const statement = await trader.get("/statements");
  expect(statement.balances).toEqual([
    { asset: "USD", place: "available", opening: "0.000000", closing: "87.500000" },
  ]);
  expect(statement.lines).toEqual([
    {
      ...{ asset: "USD", place: "available", kind: "funds-deposited", movements: 1 },
      ...{ came_in: "100.000000", went_out: "0.000000" },
    },
    {
      ...{ asset: "USD", place: "available", kind: "withdrawal-completed", movements: 1 },
      ...{ came_in: "0.000000", went_out: "12.500000" },
    },
  ]);
});

test("a day after that opens with what the day before closed with", async () => {
  const { to } = await trader.get("/statements");
  const next = new Date(Date.parse(to) + 86_400_000).toISOString().slice(0, 10);
  expect(await trader.get(`/statements?from=${next}&to=${next}`)).toMatchObject({
    ...{ from: next, to: next, lines: [] },
    balances: [{ opening: "87.500000", closing: "87.500000" }],
  });
});

test("nobody reads another's", async () => {
  const { client } = await world.open("other", "20");
  expect(await client.get("/statements")).toMatchObject({ balances: [{ closing: "20.000000" }] });
});

test.each([
  ["from=yesterday", /from is "yesterday", expected a day of the calendar/],
  ["to=2026-02-31", /to is "2026-02-31", expected a day/],
  ["from=2020-01-01&to=2026-01-01", /days from from to to, expected 1 to 366/],
  ["from=2026-01-02&to=2026-01-01", /0 days/],
])("%s is refused in words", async (query, words) => {
  expect(await refusal(trader.get(`/statements?${query}`))).toMatchObject({
    code: "VALIDATION_ERROR",
    message: expect.stringMatching(words),
  });
});
