/** The price of an auction, rule by rule, on text books. */
import { expect, test } from "vitest";
import { place } from "./book-text.fixture.ts";
import { createOrderBook } from "./order-book.ts";
import { BUY, SELL } from "./order-book-port.ts";
import { uncrossPrice } from "./uncross-price.ts";

interface Case {
  name: string;
  bids: string;
  asks: string;
  last?: number;
  price: number | null;
  quantity?: number;
}

const CASES: Case[] = [
  { name: "nothing meets", bids: "99: #1x5", asks: "100: #2x5", price: null },
  { name: "one side alone", bids: "99: #1x5", asks: "", price: null },
  {
    name: "rule 1: the price at which most is traded",
    ...{ bids: "103: #1x5 | 100: #2x5", asks: "99: #3x4 | 100: #4x6", last: 103 },
    ...{ price: 100, quantity: 10 },
  },
  {
    name: "rule 2: of several, the one that leaves least",
    ...{ bids: "105: #1x10", asks: "100: #2x10 | 103: #3x5", last: 104 },
    ...{ price: 100, quantity: 10 },
  },
  {
    name: "rule 3: buyers are left over: the highest",
    ...{ bids: "105: #1x9", asks: "100: #2x4", last: 100 },
    ...{ price: 105, quantity: 4 },
  },
  {
    name: "rule 3: sellers are left over: the lowest",
    ...{ bids: "105: #1x4", asks: "100: #2x9", last: 105 },
    ...{ price: 100, quantity: 4 },
  },
  {
    name: "rule 4: nothing is left over: the nearest to the last trade",
    ...{ bids: "105: #1x4", asks: "100: #2x4", last: 104 },
    ...{ price: 105, quantity: 4 },
  },
  {
    name: "rule 4: as near on both sides: the lower",
    ...{ bids: "104: #1x4", asks: "100: #2x4", last: 102 },
    ...{ price: 100, quantity: 4 },
  },
  {
    name: "rule 4: no trade yet: the lowest",
    ...{ bids: "105: #1x4", asks: "100: #2x4" },
    ...{ price: 100, quantity: 4 },
  },
  {
    name: "rule 4: buyers at one, sellers at the other, as much of each: the nearest",
    ...{ bids: "104: #1x6 | 100: #2x2", asks: "100: #3x6 | 104: #4x2", last: 103 },
    ...{ price: 104, quantity: 6 },
  },
  {
    name: "only who meets somebody counts",
    ...{ bids: "102: #1x3 | 90: #2x99", asks: "101: #3x3 | 110: #4x99", last: 101 },
    ...{ price: 101, quantity: 3 },
  },
  {
    name: "a bid and an ask at one price",
    ...{ bids: "100: #1x3", asks: "100: #2x5" },
    ...{ price: 100, quantity: 3 },
  },
];

test.each(CASES)("$name", ({ bids, asks, last, price, quantity }) => {
  const book = createOrderBook();
  place(book, BUY, bids);
  place(book, SELL, asks);
  expect(uncrossPrice(book, last ?? null)).toEqual(
    price === null ? null : { priceTicks: price, quantity },
  );
});
