import { afterEach, beforeEach, expect, test } from "vitest";
import type { AskView } from "#protocol/link-messages.ts";
import { CallRefused } from "./link/calls.ts";
import { eventually } from "./link/scripted-exchange.fixture.ts";
import { createQuoter, type Quoter, type QuotingSession } from "./quoting.ts";

const QUOTE = { symbol: "text-test", price: "0.50", quantity: "1" };
const TAG = "node-a";

let asks: AskView[];
let calls: string[];
let problems: string[];
let refusal: CallRefused | null;
let quoter: Quoter;

/** Keeps asks as the exchange would. */
const session: QuotingSession = {
  async call(method, params) {
    calls.push(method);
    if (method === "list-asks") return structuredClone(asks);
    if (refusal !== null) throw refusal;
    if (method === "cancel-ask") {
      const { orderId } = params as { orderId: string };
      const before = asks.length;
      asks = asks.filter((ask) => ask.orderId !== orderId);
      if (asks.length === before) throw new CallRefused("order-not-found", orderId);
      return {};
    }
    const { symbol, price, quantity, clientOrderId } = params as typeof QUOTE & {
      clientOrderId: string;
    };
    const orderId = `order-${calls.length}`;
    asks.push({ ...ask({ price, quantity }), symbol, orderId, clientOrderId, remaining: quantity });
    return { orderId };
  },
};

const ask = (fields: Partial<AskView>): AskView => ({
  orderId: "order-0",
  clientOrderId: `${TAG}:1`,
  symbol: QUOTE.symbol,
  price: "0.5000",
  quantity: "1",
  remaining: "1",
  status: "open",
  ...fields,
});

beforeEach(() => {
  asks = [];
  calls = [];
  problems = [];
  refusal = null;
  quoter = createQuoter(
    { quote: QUOTE, nodeTag: TAG, requoteMsMin: 10, requoteMsMax: 60_000 },
    { onQuoted() {}, onProblem: ({ code }) => problems.push(code) },
  );
});
afterEach(() => quoter.stop());

test.each<[string, AskView[], string[]]>([
  ["nothing stands: one ask is placed", [], ["list-asks", "place-ask"]],
  ["the ask stands: it is left alone", [ask({})], ["list-asks"]],
  ["half of it is left: it is left alone", [ask({ remaining: "0.5" })], ["list-asks"]],
  [
    "less than half is left: it is renewed",
    [ask({ remaining: "0.49" })],
    ["list-asks", "cancel-ask", "place-ask"],
  ],
  [
    "another price: it is renewed",
    [ask({ price: "0.6" })],
    ["list-asks", "cancel-ask", "place-ask"],
  ],
  [
    "a larger size: it is renewed",
    [ask({ remaining: "2", quantity: "2" })],
    ["list-asks", "cancel-ask", "place-ask"],
  ],
  [
    "two of them: one is left",
    [ask({}), ask({ orderId: "order-x" })],
    ["list-asks", "cancel-ask", "cancel-ask", "place-ask"],
  ],
  [
    "asks of another node and of another instrument are none of its business",
    [ask({ clientOrderId: "node-b:1" }), ask({ clientOrderId: null }), ask({ symbol: "other" })],
    ["list-asks", "place-ask"],
  ],
])("%s", async (_name, standing, expected) => {
  asks = standing;
  await quoter.start(session);
  expect(calls).toEqual(expected);
  const own = asks.filter(
    (each) => each.symbol === QUOTE.symbol && each.clientOrderId?.startsWith(TAG),
  );
  expect(own).toHaveLength(1);
});

test("many fills make one look, and the ask is whole again", async () => {
  await quoter.start(session);
  asks[0] = { ...(asks[0] as AskView), remaining: "0.1" };
  for (let fill = 0; fill < 50; fill += 1) quoter.onFill();
  await eventually("a new ask", () => (calls.includes("cancel-ask") ? asks[0] : undefined));
  expect(asks[0]).toMatchObject({ remaining: "1" });
  expect(calls.filter((method) => method === "list-asks")).toHaveLength(2);
});

test("a refused ask is reported and tried again", async () => {
  quoter = createQuoter(
    { quote: QUOTE, nodeTag: TAG, requoteMsMin: 5, requoteMsMax: 10 },
    { onQuoted() {}, onProblem: ({ code }) => problems.push(code) },
  );
  refusal = new CallRefused("insufficient-bond", "post more");
  await quoter.start(session);
  expect(problems).toEqual(["insufficient-bond"]);
  refusal = null;
  await eventually("the ask", () => asks[0]);
});

/** Refuses asks of more than so many Units, as an exchange does that knows the capacity. */
const limited = (allowed: string): QuotingSession => ({
  async call(method, params) {
    const { quantity } = params as { quantity?: string };
    if (method === "place-ask" && Number(quantity) > Number(allowed)) {
      calls.push(`place-ask ${quantity}`);
      throw new CallRefused("capacity-exceeded", "less", { allowed });
    }
    return session.call(method, params);
  },
});

test("over the capacity, what it allows is offered in whole increments, and left alone then", async () => {
  const capped = limited("0.437");
  await quoter.start(capped, 10_000);
  expect(asks).toMatchObject([{ quantity: "0.43" }]);
  expect(calls).toEqual(["list-asks", "place-ask 1", "place-ask"]);
  await quoter.start(capped, 10_000);
  expect(calls.slice(3)).toEqual(["list-asks"]);
  expect(problems).toEqual([]);
});

test("without an increment of capacity there is no ask, and the refusal is reported", async () => {
  await quoter.start(limited("0.009"), 10_000);
  expect(asks).toEqual([]);
  expect(problems).toEqual(["capacity-exceeded"]);
});

test("an answer that is no list of asks is reported, not believed", async () => {
  const liar: QuotingSession = { call: async () => [{ orderId: 7 }] };
  await quoter.start(liar);
  expect(problems).toEqual(["bad-reply"]);
});

test("withdrawing cancels this node's asks, and one that is gone already is no problem", async () => {
  asks = [ask({ orderId: "order-b", clientOrderId: "node-b:1" })];
  await quoter.start(session);
  const stale: QuotingSession = {
    async call(method, params) {
      if (method === "list-asks") return [...asks, ask({ orderId: "order-gone" })];
      return session.call(method, params);
    },
  };
  await quoter.withdraw(stale);
  expect(asks.map(({ orderId }) => orderId)).toEqual(["order-b"]);
});

test("an ask that is being placed while it is withdrawn is cancelled too", async () => {
  let release: () => void = () => {};
  const slow: QuotingSession = {
    async call(method, params) {
      if (method === "place-ask") {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return session.call(method, params);
    },
  };
  const started = quoter.start(slow);
  await new Promise((resolve) => setImmediate(resolve));
  const withdrawn = quoter.withdraw(session);
  release();
  await Promise.all([started, withdrawn]);
  expect(asks).toEqual([]);
});
