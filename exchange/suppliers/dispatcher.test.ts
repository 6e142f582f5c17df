/** Who gets a supplier's slots: instruments that share them do not hold each other up. */
import { expect, test } from "vitest";
import { type AttemptHandlers, type AttemptRequest, SupplierRegistry } from "./dispatcher.ts";
import type { Session } from "./session.ts";

const WHOLE_BPS = 10_000;

/** One supplier with one node of so many slots that serves every instrument. */
function supplierWith(slots: number, weightsBps: Record<string, number> = {}) {
  const opened: string[] = [];
  const ends: (() => void)[] = [];
  let active = 0;
  const session = {
    ...{ node: 1, account: 1, isUp: true, serves: () => true },
    get activeStreams() {
      return active;
    },
    get freeSlots() {
      return slots - active;
    },
    open({ symbol }: AttemptRequest, handlers: AttemptHandlers) {
      active += 1;
      opened.push(symbol);
      const stop = () => {
        active -= 1;
      };
      ends.push(() => {
        stop();
        handlers.onError({ code: "backend-failed", message: "", status: null }, NEVER);
      });
      return { cancel: stop, grant() {}, clock: () => NEVER };
    },
  };
  const registry = new SupplierRegistry((_supplier, symbol) => weightsBps[symbol] ?? WHOLE_BPS);
  registry.add(session as unknown as Session);
  const dispatch = (symbol: string) =>
    registry.dispatch(
      {
        ...{ supplier: 1, symbol, attemptId: "a", streamed: true, maxOutputTokens: 1 },
        ...{ body: Buffer.alloc(0), firstTokenTimeoutMs: 1_000 },
      },
      { onDelta() {}, onEvent() {}, onBody() {}, onEnd() {}, onError() {} },
    );
  return { opened, ends, dispatch };
}
const NEVER = {
  ...{ dispatchedMs: null, acceptedMs: null, firstOutputMs: null, lastOutputMs: null },
  rttMs: null,
};

test("who waits for a throttled instrument holds up no other one", () => {
  const { opened, dispatch } = supplierWith(4, { slow: 2_500 });
  const [first, second] = ["slow", "fine", "fine", "fine"].map((symbol) => dispatch(symbol));
  dispatch("slow");
  dispatch("fine");
  expect(opened).toHaveLength(4);
  second?.cancel("over");
  expect(opened.slice(4)).toEqual(["fine"]);
  first?.cancel("over");
  expect(opened.slice(5)).toEqual(["slow"]);
});

test("what runs for other instruments does not take a throttled one's last slot", () => {
  const { opened, dispatch } = supplierWith(4, { slow: 100 });
  dispatch("fine");
  dispatch("slow");
  dispatch("slow");
  expect(opened).toEqual(["fine", "slow"]);
});

test("an attempt that ended, by whomever, counts no more", () => {
  const { opened, ends, dispatch } = supplierWith(4, { slow: 100 });
  dispatch("slow").cancel("over");
  dispatch("slow");
  ends[1]?.();
  dispatch("slow");
  expect(opened).toEqual(["slow", "slow", "slow"]);
});

test("deliveries of one instrument start in the order in which they came", () => {
  const { opened, ends, dispatch } = supplierWith(1, {});
  for (const symbol of ["a", "b", "a"]) dispatch(symbol);
  ends[0]?.();
  ends[1]?.();
  expect(opened).toEqual(["a", "b", "a"]);
});
