/** What a supplier that serves nothing is paid at expiry: for healthy slots alone. */
import { expect, test } from "vitest";
import { createServingMarket, UNPAUSED } from "./serving.fixture.ts";

const SLOT_MS = 300_000;
const LIFETIME_MS = 48 * SLOT_MS;

type Serving = ReturnType<typeof createServingMarket>;
const expiry = ({ events }: Serving) => events("lot-expired").at(-1);

test("a Lot of a supplier that was there and asked for nothing is paid whole", () => {
  const serving = createServingMarket(UNPAUSED);
  serving.market.advance(LIFETIME_MS);
  expect(expiry(serving)).toMatchObject({ healthySlots: 48, slots: 48, toOwnerMicros: 0n });
});

test("linked without the instrument is not there", () => {
  const serving = createServingMarket(UNPAUSED);
  const { market, node } = serving;
  const session = `session-${node}`;
  market.run({ type: "connect-node", node, session, slots: 4, supplies: [] });
  market.advance(24 * SLOT_MS);
  market.link(node, 1000);
  market.advance(24 * SLOT_MS);
  expect(expiry(serving)).toMatchObject({ healthySlots: 24, slots: 48 });
});

test("a slot whose last request failed is not healthy, one that failed before is", () => {
  const serving = createServingMarket(UNPAUSED);
  const { market, fail, good } = serving;
  fail();
  good();
  market.advance(SLOT_MS);
  good();
  fail();
  market.advance(SLOT_MS);
  market.advance(46 * SLOT_MS);
  expect(expiry(serving)).toMatchObject({ healthySlots: 47, slots: 48 });
});

test("time in which the breaker is open is time away", () => {
  const serving = createServingMarket({ breakerOpenMs: 2 * SLOT_MS, breakerOpenMsMax: 1e9 });
  const { market, fail, good, standing } = serving;
  fail(5);
  expect(standing.breaker.phase).toBe("open");
  market.advance(2 * SLOT_MS);
  good();
  expect(standing.breaker.phase).toBe("closed");
  market.advance(46 * SLOT_MS);
  expect(expiry(serving)).toMatchObject({ healthySlots: 46, slots: 48 });
});

test("a supplier that fails whatever it is asked is paid for nothing of the rest", () => {
  const serving = createServingMarket(UNPAUSED);
  const { market, fail } = serving;
  for (let slot = 0; slot < 48; slot += 1) {
    fail();
    market.advance(SLOT_MS);
  }
  expect(expiry(serving)).toMatchObject({ healthySlots: 0, toSupplierMicros: 0n });
});

test("a restored market pays what the lived one does", () => {
  const serving = createServingMarket(UNPAUSED);
  const { market, fail, node } = serving;
  fail();
  market.advance(SLOT_MS);
  market.unlink(node);
  market.advance(60_000);
  const restored = market.restored();
  for (const each of [market, restored]) {
    each.link(node, 1000, "again");
    each.advance(47 * SLOT_MS);
  }
  const [lived, again] = [market, restored].map(({ events }) =>
    events.filter((event) => event.type === "lot-expired"),
  );
  expect(lived).toHaveLength(1);
  expect(lived).toMatchObject([{ healthySlots: 46, slots: 48 }]);
  expect(again).toEqual(lived);
});
