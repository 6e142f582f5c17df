import { expect, test } from "vitest";
import { manualClock } from "#exchange/clock.ts";
import type { Command } from "#exchange/core/commands.ts";
import type { Shell } from "#exchange/shell.ts";
import { journalIntegrity } from "./integrity-journal.ts";

function journal() {
  const commands: Command[] = [];
  const clock = manualClock(0);
  const submit = (command: Command) => commands.push(command);
  const tell = journalIntegrity({ shell: { submit } as unknown as Shell, clock });
  const breach = (node: number, kind: "gap" | "flood") =>
    tell({ account: 1, node, kind, detail: "seen" });
  return { commands, clock, breach };
}

test("a node's breaches of a kind are one command a minute, which counts the others", () => {
  const { commands, clock, breach } = journal();
  for (let n = 0; n < 5; n += 1) breach(7, "gap");
  expect(commands).toEqual([
    { type: "record-integrity", account: 1, node: 7, kind: "gap", detail: "seen" },
  ]);
  clock.advance(60_000);
  breach(7, "gap");
  expect(commands[1]).toMatchObject({ detail: "seen; 4 more before" });
});

test("another kind and another node are told at once", () => {
  const { commands, breach } = journal();
  breach(7, "gap");
  breach(7, "flood");
  breach(8, "gap");
  expect(commands).toHaveLength(3);
});
