import { expect, test } from "vitest";
import { createTestMarket, DOLLAR, SYMBOL, UNIT } from "#exchange/core/core.fixture.ts";

/** A supplier whose link is gone and whose Units are not burned yet: its grace runs. */
function supplierInGrace() {
  const market = createTestMarket();
  const { account, node } = market.supplier("S");
  market.run({ type: "cancel-order", account, order: market.ask(account, DOLLAR, UNIT) });
  market.unlink(node);
  return { market, account, node, ask: market.order(account, { side: "sell", quantity: UNIT }) };
}

test("an ask of a supplier without a link is refused, so that nobody buys what cannot be served", () => {
  const { market, ask } = supplierInGrace();
  const outcome = market.tryTo(ask);
  expect(outcome).toMatchObject({ ok: false, rejection: { code: "node-not-connected" } });
  const buyer = market.account("B", 2_000_000n);
  const reserved = market.tryReserve(buyer, 100, 100);
  expect(reserved).toMatchObject({ ok: false, rejection: { code: "no-supplier" } });
});

test("an ask of a supplier whose nodes serve another instrument is refused", () => {
  const { market, node, ask } = supplierInGrace();
  const supplies = [{ symbol: "text-prime", capacityTokens: 1_000_000 }];
  market.run({ type: "connect-node", node, session: "next", slots: 4, supplies });
  expect(market.tryTo(ask)).toMatchObject({ rejection: { code: "node-not-connected" } });
  expect(market.state.instruments.get(SYMBOL)?.book.size).toBe(0);
});

test("with the link the ask is taken again", () => {
  const { market, node, ask } = supplierInGrace();
  market.link(node, 1000);
  expect(market.tryTo(ask).ok).toBe(true);
});
