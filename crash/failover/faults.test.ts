/** That a run, short or long, leaves out no way to fail. */
import { expect, test } from "vitest";
import { Random } from "#simulation/random.ts";
import { drawFaults, PHASES } from "./faults.ts";

test.each([
  [5, { backend: 5, link: 2 }],
  [50, { backend: 6, link: 4 }],
])("%i cycles meet every kind of fault there is for them", (cycles, kinds) => {
  const [backend, link, agent] = PHASES.map((phase) => drawFaults(phase, cycles, new Random(1)));
  expect(new Set(backend).size).toBe(kinds.backend);
  expect(new Set(link).size).toBe(kinds.link);
  expect(agent).toEqual(Array.from({ length: cycles }, () => "kill -9"));
});
