import { expect, test } from "vitest";
import { invariantBreaches } from "#exchange/core/invariants.ts";
import { createServingMarket } from "#exchange/core/sla/serving.fixture.ts";
import type { Standing, SupplierStanding } from "#exchange/core/sla/standing.ts";
import type { CoreState } from "#exchange/core/state.ts";

/** A supplier after a closed window, with pay kept back and failures in the next one. */
function market() {
  const serving = createServingMarket({ breakerFailures: 1e9 });
  serving.good(100);
  serving.market.advance(14_400_000);
  serving.buyUnits(1);
  serving.good(5);
  serving.fail(2);
  const { state } = serving.market;
  expect(invariantBreaches(state)).toEqual([]);
  const supplier = state.suppliers.get(serving.supplier) as SupplierStanding;
  return { state, supplier, standing: serving.standing };
}

type Damage = (at: { state: CoreState; supplier: SupplierStanding; standing: Standing }) => void;
const damages: [what: string, damage: Damage, sentence: RegExp][] = [
  [
    "pay kept back that no entry knows",
    ({ supplier }) => void supplier.holdbacks.pop(),
    /kept back/,
  ],
  [
    "a charge above its cap",
    ({ standing }) => Object.assign(standing.lastWindow ?? {}, { chargeMicros: 10n ** 9n }),
    /charged 1000000000, expected at most/,
  ],
  [
    "a charge without evidence",
    ({ standing }) => Object.assign(standing.lastWindow ?? {}, { chargeMicros: 1n }),
    /nothing was slow or failed/,
  ],
  [
    "losses that are nobody's",
    ({ standing }) => standing.card?.buyers.clear(),
    /failed, by buyer it is 0/,
  ],
  [
    "a failed value without a failure",
    ({ standing }) => Object.assign(standing.card?.failed ?? {}, { requests: 0 }),
    /and no failed delivery/,
  ],
  [
    "Lots that were counted twice",
    ({ standing }) => {
      standing.openLotsMicros *= 2n;
    },
    /counts open Lots of text-lite of 2000000/,
  ],
  [
    "something due that nothing will do",
    ({ standing }) => {
      standing.weightStepsAtMs = 1;
    },
    /had to be looked after at 1, and nothing will/,
  ],
  [
    "pay that no window pays out",
    ({ standing }) => {
      standing.card = null;
    },
    /no window is open that pays it out/,
  ],
  [
    "a debt that nobody is owed",
    ({ state }) =>
      state.ledger.apply([{ kind: "move", from: "2:owed", to: "exch:guaranty", amount: 5n }]),
    /owe 5, the exchange counts 0/,
  ],
  [
    "an open breaker that is dispatched to",
    ({ standing }) => {
      standing.breaker = { phase: "open", openings: 1, halfOpensAtMs: 1e15 };
    },
    /its breaker is open, and it is dispatched to/,
  ],
];

test.each(damages)("%s is told", (_what, damage, sentence) => {
  const at = market();
  damage(at);
  expect(invariantBreaches(at.state).join("; ")).toMatch(sentence);
});
