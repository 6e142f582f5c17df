import { expect, test } from "vitest";
import type { Node } from "#exchange/core/state.ts";
import { Serving } from "./serving.ts";

function nodeOf(number: number, account: number, capacityTokens: number): Node {
  return {
    number,
    account,
    name: `rack ${number}`,
    publicKey: `key-${number}`,
    enrolledAtMs: 0,
    session: "s",
    slots: 1,
    supplies: [{ symbol: "text-lite", capacityTokens }],
  };
}

test("a supplier serves what its linked nodes serve together, and nobody else's", () => {
  const serving = new Serving();
  const away = nodeOf(2, 1, 7);
  serving.add(nodeOf(1, 1, 5));
  serving.add(away);
  serving.add(nodeOf(3, 9, 100));
  expect(serving.capacityTokens(1, "text-lite")).toBe(12);
  away.session = null;
  serving.refresh(1);
  expect(serving.capacityTokens(1, "text-lite")).toBe(5);
  expect(serving.canServe(1, "text-prime")).toBe(false);
  expect(serving.isLinked(1)).toBe(true);
});

test("a node that serves without capacity still serves, one that is away does not", () => {
  const serving = new Serving();
  const node = nodeOf(1, 1, 0);
  serving.add(node);
  expect(serving.canServe(1, "text-lite")).toBe(true);
  node.session = null;
  serving.refresh(1);
  expect(serving.canServe(1, "text-lite")).toBe(false);
  expect(serving.isLinked(1)).toBe(false);
});

test("a supplier without nodes serves nothing", () => {
  const serving = new Serving();
  serving.refresh(1);
  expect([serving.isLinked(1), serving.canServe(1, "text-lite")]).toEqual([false, false]);
  expect(serving.capacityTokens(1, "text-lite")).toBe(0);
});
