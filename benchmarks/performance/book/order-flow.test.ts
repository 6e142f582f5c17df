import { describe, expect, test } from "vitest";
import { createOrderBook } from "#exchange/core/market/order-book.ts";
import { createReferenceBook } from "#exchange/core/market/reference-book.ts";
import { runOrderFlow } from "./flow-run.ts";
import { encodeOrderFlow, generateOrderFlow, TradeChecksum, WORKLOADS } from "./order-flow.ts";
import { createPeerRun } from "./peer-run.ts";

const EVENTS = 20_000;

describe.each(WORKLOADS)("workload %s", (workload) => {
  const flow = generateOrderFlow(workload, { events: EVENTS });

  test("gives both books the same trades", () => {
    const [fast, naive] = [createOrderBook(), createReferenceBook()].map((book) => {
      const checksum = new TradeChecksum();
      runOrderFlow(flow, book, checksum);
      return `${checksum}, ${book.size} resting`;
    });
    expect(fast).toBe(naive);
  });

  test("gives the peer of the benchmark the same trades", () => {
    const [ours, peers] = [new TradeChecksum(), new TradeChecksum()];
    const short = generateOrderFlow(workload, { events: 1_000 });
    runOrderFlow(short, createOrderBook(), ours);
    createPeerRun(short, peers).run(0, short.prefill + short.events);
    expect(`${peers}`).toBe(`${ours}`);
  });

  test("is the same for the same seed, and another for another", () => {
    const bytes = encodeOrderFlow(flow);
    expect(bytes).toEqual(encodeOrderFlow(generateOrderFlow(workload, { events: EVENTS })));
    const other = generateOrderFlow(workload, { events: EVENTS, seed: 43 });
    expect(Buffer.compare(bytes, encodeOrderFlow(other))).not.toBe(0);
  });
});

/** Of the flows of 20,000 events with seed 42; other engines get the same from the same bytes. */
test.each([
  ["A", "eaaceba5/5357/186800"],
  ["B", "d973636a/1636/242800"],
  ["C", "652a97d8/16179/1292094"],
  ["D", "a57ca265/2184/11026"],
] as const)("workload %s has a trade stream that is written down here", (workload, expected) => {
  const checksum = new TradeChecksum();
  runOrderFlow(generateOrderFlow(workload, { events: EVENTS }), createOrderBook(), checksum);
  expect(`${checksum}`).toBe(expected);
});
