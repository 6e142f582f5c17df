import { expect, test } from "vitest";
import { createCore } from "#exchange/core/core.ts";
import { LOTS_MIN, MIXES, RESTING_MIN, recordFlow } from "./command-flows.ts";

const COMMANDS = 3_000;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test.each(MIXES)("%s: nothing is refused, and the market stays as large as it has to be", (mix) => {
  const { commands, atMs, measuredFrom, end } = recordFlow(mix, COMMANDS);
  const core = createCore();
  let refused = 0;
  let restingMin = Number.POSITIVE_INFINITY;
  let lotsMin = Number.POSITIVE_INFINITY;
  commands.forEach((command, n) => {
    if (!core.execute(command, atMs[n] ?? 0).ok) refused += 1;
    if (n < measuredFrom) return;
    restingMin = Math.min(restingMin, core.state.orders.size);
    lotsMin = Math.min(lotsMin, core.state.lots.size);
  });
  expect(refused).toBe(0);
  expect(core.state.accounts.size).toBeGreaterThanOrEqual(200);
  expect(restingMin).toBeGreaterThanOrEqual(RESTING_MIN);
  expect(lotsMin).toBeGreaterThanOrEqual(LOTS_MIN);
  // What is run again is the same market, to the byte.
  expect(text(core.snapshot())).toBe(text(createCore(end).snapshot()));
});

test("trading has the shares it is named for", () => {
  const { commands, measuredFrom } = recordFlow("trading", COMMANDS);
  const measured = commands.slice(measuredFrom);
  const share = (kind: string) =>
    measured.filter((command) =>
      kind === "cancel"
        ? command.type === "cancel-order"
        : command.type === "place-order" && command.orderType === kind,
    ).length / measured.length;
  expect(share("limit")).toBeCloseTo(0.45, 1);
  expect(share("cancel")).toBeCloseTo(0.35, 1);
  expect(share("market")).toBeCloseTo(0.2, 1);
});
