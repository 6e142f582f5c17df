import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import type { Command } from "#exchange/core/commands.ts";
import { createTestMarket } from "#exchange/core/core.fixture.ts";
import type { Shell } from "#exchange/shell.ts";
import type { IntegrityKind } from "./integrity.ts";
import { journalIntegrity } from "./integrity-journal.ts";

/** A journal whose shell takes commands while it has room, and a timer that the test turns. */
function journal() {
  const commands: Command<"record-integrity">[] = [];
  const clock = manualClock(0);
  let look: (() => void) | null = null;
  const shell = { hasRoom: true };
  const submit = (command: Command<"record-integrity">) => {
    if (!shell.hasRoom) return { outcome: { ok: false, rejection: { code: "overloaded" } } };
    commands.push(command);
    return { outcome: { ok: true } };
  };
  const tell = journalIntegrity({
    shell: { submit } as unknown as Shell,
    clock,
    every: (_ms, act) => {
      look = act;
      return () => {
        look = null;
      };
    },
  });
  return {
    commands,
    shell,
    breach: (node: number, kind: IntegrityKind, times = 1) => {
      for (let n = 0; n < times; n += 1) tell({ account: 1, node, kind, detail: "seen" });
    },
    pass: (ms: number) => {
      clock.advance(ms);
      look?.();
    },
    isWatching: () => look !== null,
  };
}

test("a burst is five records at once, and the rest of it one record that says how many", () => {
  const { commands, breach, pass } = journal();
  breach(7, "wrong-byte-count", 1_000);
  expect(commands).toHaveLength(5);
  expect(commands[0]).toEqual({
    ...{ type: "record-integrity", account: 1, node: 7, kind: "wrong-byte-count", detail: "seen" },
  });
  pass(59_999);
  expect(commands).toHaveLength(5);
  pass(1);
  expect(commands).toHaveLength(6);
  expect(commands[5]?.detail).toBe("995 more, the last: seen");
});

test("a flood without end is six records a minute, and is forgotten a minute behind its end", () => {
  const { commands, breach, pass, isWatching } = journal();
  for (let minute = 0; minute < 10; minute += 1) {
    breach(7, "flood", 1_000);
    pass(60_000);
  }
  expect(commands).toHaveLength(60);
  pass(60_000);
  expect(commands).toHaveLength(60);
  expect(isWatching()).toBe(false);
});

test("what the shell has no room for is told again", () => {
  const { commands, shell, breach, pass } = journal();
  shell.hasRoom = false;
  breach(7, "wrong-byte-count", 8);
  pass(60_000);
  expect(commands).toEqual([]);
  shell.hasRoom = true;
  pass(1_000);
  expect(commands.map(({ detail }) => detail)).toEqual([
    ...["seen", "seen", "seen", "seen", "seen"],
    "3 more, the last: seen",
  ]);
});

test("another kind and another node are told at once", () => {
  const { commands, breach } = journal();
  breach(7, "gap");
  breach(7, "flood");
  breach(8, "gap");
  expect(commands).toHaveLength(3);
});

test("three wrong byte counts within a second suspend who sent them", () => {
  const market = createTestMarket();
  const { account, node } = market.supplier("mallory");
  const submit = (command: Command<"record-integrity">) => ({ outcome: market.tryTo(command) });
  const tell = journalIntegrity({
    ...{ shell: { submit } as unknown as Shell, clock: manualClock(0), every: () => () => {} },
  });
  const suspended = () => market.events.some(({ type }) => type === "supplier-suspended");
  for (let n = 1; n <= 3; n += 1) {
    expect(suspended()).toBe(false);
    tell({ account, node, kind: "wrong-byte-count", detail: `number ${n}` });
  }
  expect(suspended()).toBe(true);
});
