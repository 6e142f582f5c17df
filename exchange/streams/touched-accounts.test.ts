import { expect, test } from "vitest";
import type { CoreEvent } from "#exchange/core/events.ts";
import { Touched } from "./touched-accounts.ts";

/** Lot 5 is account 50's, Lot 6 was 60's and is 61's; order 7 is account 70's; all else is nobody's. */
const owners = {
  ofLot: (lot: number) => ({ 5: [50], 6: [60, 61] })[lot] ?? [],
  ofOrder: (order: number) => (order === 7 ? 70 : null),
};

const EVENTS: [what: string, fields: object, touched: [account: number, lots: number[]][]][] = [
  ["an account that it names", { account: 1 }, [[1, []]]],
  [
    "both parties of a trade, and the Lot",
    { buyer: 50, seller: 2, lot: 5 },
    [
      [50, [5]],
      [2, []],
    ],
  ],
  [
    "a Lot's owner before and after",
    { lot: 6 },
    [
      [60, [6]],
      [61, [6]],
    ],
  ],
  [
    "Lots in lists, by number or as parts",
    { lots: [5, 9], parts: [{ lot: 6 }] },
    [
      [50, [5]],
      [60, [6]],
      [61, [6]],
    ],
  ],
  [
    "Lots that parts went into",
    {
      resold: [
        { lot: 9, into: 5 },
        { lot: 9, into: null },
      ],
    },
    [[50, [5]]],
  ],
  [
    "whom a posting moves from and to",
    { postings: [{ kind: "move", from: "1:avail", to: "22:pending", amount: 1n }] },
    [
      [1, []],
      [22, []],
    ],
  ],
  [
    "a supplier's Units",
    { postings: [{ kind: "post", hold: "ask7", to: "3/text-lite:issuer", amount: 1n }] },
    [
      [70, []],
      [3, []],
    ],
  ],
  [
    "a Lot's escrow, tokens and margin",
    {
      postings: [
        { kind: "void", hold: "lot5:margin", amount: 1n },
        { kind: "move", from: "lot6:escrow", to: "lot5/text-lite:tokens", amount: 1n },
      ],
    },
    [
      [50, [5]],
      [60, [6]],
      [61, [6]],
    ],
  ],
  [
    "a reservation's Lot",
    { postings: [{ kind: "void", hold: "delivery5:lot6", amount: 1n }] },
    [
      [60, [6]],
      [61, [6]],
    ],
  ],
  [
    "nobody for the exchange's own",
    {
      postings: [
        { kind: "move", from: "world", to: "exch:fees", amount: 1n },
        { kind: "void", hold: "charge5:7:bond", amount: 1n },
      ],
    },
    [],
  ],
];

test.each(EVENTS)("an event touches %s", (_what, fields, expected) => {
  const touched = new Touched(owners);
  touched.addEvent(fields as CoreEvent);
  expect([...touched.lotsByAccount].map(([account, lots]) => [account, [...lots]])).toEqual(
    expected,
  );
});
