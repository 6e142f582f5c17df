/** That a run, short or long, leaves out no way to fail. */
import { expect, test } from "vitest";
import { Random } from "#simulation/random.ts";
import { drawFaults, PHASES } from "./faults.ts";

test.each([5, 50])("%i cycles meet every kind of fault there is for them", (cycles) => {
  const [backend, link, agent] = PHASES.map((phase) => drawFaults(phase, cycles, new Random(1)));
  expect(new Set(backend).size).toBe(6);
  // Half a minute for one fault is for long runs only.
  expect(new Set(link).size).toBe(cycles === 5 ? 3 : 4);
  expect(agent).toEqual(Array.from({ length: cycles }, () => "kill -9"));
});
