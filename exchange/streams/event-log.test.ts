import { describe, expect, test } from "vitest";
import type { Subscription } from "./connection.ts";
import { EventLog } from "./event-log.ts";
import { EVENTS_KEPT_MAX, READERS_PER_TURN } from "./limits.ts";

describe("a log with many readers", () => {
  /** A log whose turns are run by hand, with readers that note what they get. */
  function crowd(readers: number) {
    const turns: (() => void)[] = [];
    const log = new EventLog(0, (run) => void turns.push(run));
    const got = Array.from({ length: readers }, () => [] as string[]);
    for (const own of got) {
      const send = (bytes: Buffer) => void own.push(bytes.toString());
      log.subscribe({ send }, { stream: "s", symbol: null }, null);
    }
    let sequence = 0;
    return {
      got,
      append(count: number) {
        for (let each = 0; each < count; each += 1) {
          sequence += 1;
          const text = String(sequence);
          log.append({ stream: "s", symbol: "x", sequence, frame: () => Buffer.from(text) });
        }
        log.publish();
      },
      runTurns() {
        for (let run = turns.shift(); run !== undefined; run = turns.shift()) run();
      },
    };
  }

  test("tells them in turns, each event once and in order, whatever comes meanwhile", () => {
    const { got, append, runTurns } = crowd(READERS_PER_TURN + 10);
    append(2);
    append(1);
    expect([got[0], got.at(-1)]).toEqual([["1", "2"], []]);
    runTurns();
    for (const own of got) expect(own).toEqual(["1", "2", "3"]);
  });

  test("tells all of them before it forgets an event that some do not know", () => {
    const { got, append, runTurns } = crowd(READERS_PER_TURN + 10);
    append(1);
    append(EVENTS_KEPT_MAX + 5);
    runTurns();
    const all = Array.from({ length: EVENTS_KEPT_MAX + 6 }, (_, at) => String(at + 1));
    for (const own of got) expect(own).toEqual(all);
  });
});

describe("a log of events", () => {
  test("can be resumed as far back as it keeps them, by stream and market", () => {
    const log = new EventLog(100, setImmediate);
    const got: string[] = [];
    const sink = { send: (bytes: Buffer) => void got.push(bytes.toString()) };
    const append = (sequence: number, stream: string, symbol: string) =>
      log.append({ stream, symbol, sequence, frame: () => Buffer.from(`${sequence}`) });
    append(101, "orders", "a");
    append(102, "lots", "a");
    append(103, "orders", "b");
    append(104, "orders", "a");
    expect([99, 100, 104, 105].map((at) => log.canResume(at))).toEqual([false, true, true, false]);
    const end = (subscription: Subscription) => subscription.end();
    end(log.subscribe(sink, { stream: "orders", symbol: null }, 101));
    end(log.subscribe(sink, { stream: "orders", symbol: "a" }, 100));
    expect(got).toEqual(["103", "104", "101", "104"]);
    for (let sequence = 105; sequence <= 100 + EVENTS_KEPT_MAX + 10; sequence += 1) {
      append(sequence, "orders", "a");
    }
    expect([109, 110].map((at) => log.canResume(at))).toEqual([false, true]);
    expect(log.readers).toBe(0);
  });
});
