/** A market in which a failure is covered, and the words for that. */
import { createTestMarket, DOLLAR, UNIT } from "#exchange/core/core.fixture.ts";

export const CENTS = (cents: number) => (DOLLAR * cents) / 100;

/** S and S2 sell at 1.00 and 1.10; C holds 0.02 Units of S; the exchange has money for cover. */
export function coveredMarket(
  options: { coverMicros?: bigint; s2Cents?: number; bondMicros?: bigint } = {},
) {
  const market = createTestMarket();
  const coverMicros = options.coverMicros ?? 1_000_000n;
  if (coverMicros > 0n) {
    market.run({
      ...{ type: "fund-exchange", fund: "cover", amountMicros: coverMicros, reference: "seed" },
    });
  }
  const s = market.supplier("S", { bondMicros: options.bondMicros ?? 100_000_000n });
  const s2 = market.supplier("S2");
  const c = market.account("C", 1_000_000n, "advanced");
  market.ask(s.account, DOLLAR, UNIT);
  market.run(market.order(c, { quantity: 2, priceTicks: DOLLAR }));
  market.ask(s2.account, CENTS(options.s2Cents ?? 110), UNIT);
  return { market, s, s2, c };
}

export function retry(market: ReturnType<typeof createTestMarket>, delivery: number, attempt = 1) {
  return market.tryTo({ type: "retry-delivery", delivery, attempt, cause: "link-lost" });
}
