import { expect, test } from "vitest";
import { createCore } from "#exchange/core/core.ts";
import { marketView } from "./market-view.ts";
import { Oracle } from "./oracle.ts";
import { Tally } from "./tally.ts";

/** An oracle that watches a core in which some accounts were opened. */
function oracleAfter(accounts: number) {
  const oracle = new Oracle(new Tally());
  const core = createCore();
  const watched = oracle.watch(core);
  for (let number = 1; number <= accounts; number += 1) {
    const command = { type: "open-account", name: `account ${number}`, mode: "easy" } as const;
    watched.execute(command, 1_000);
  }
  return { oracle, core };
}

test("what was told and recovered is no breach", () => {
  const { oracle, core } = oracleAfter(3);
  oracle.answered("a read", 3, 0);
  oracle.shown({ seq: 3, view: marketView, text: marketView(core.state) });
  oracle.recovered(core);
  expect(oracle.breaches).toEqual([]);
});

test("a read that showed an event which was lost is a breach", () => {
  const { oracle } = oracleAfter(3);
  oracle.answered("a read", 3, 0);
  const { core } = oracleAfter(2);
  oracle.recovered(core);
  expect(oracle.breaches).toEqual(["events up to 3 were told, recovered were 2"]);
});

test("a read that showed another state than the events give is a breach", () => {
  const { oracle, core } = oracleAfter(3);
  oracle.shown({ seq: 2, view: marketView, text: marketView(core.state) });
  oracle.recovered(core);
  expect(oracle.breaches).toEqual(["a read at event 2 showed another state"]);
});

test("an answer older than one that had left before it was asked for is a breach", () => {
  const { oracle } = oracleAfter(3);
  oracle.answered("open-account", 3, 0);
  oracle.answered("a read", 2, oracle.toldSeq);
  expect(oracle.breaches).toEqual(["a read was answered at event 2, after event 3 had been told"]);
});
