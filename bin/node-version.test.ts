import { expect, test } from "vitest";
import { nodeVersionProblem } from "./node-version.js";

test.each(["22.13.0", "22.23.3", "24.0.0", "26.1.0"])("Node %s runs gridspot", (version) => {
  expect(nodeVersionProblem(version)).toBeNull();
});

test.each(["18.20.0", "20.20.2", "22.12.9"])("Node %s is told what is needed", (version) => {
  expect(nodeVersionProblem(version)).toContain(
    `needs Node 22.13 or newer, this is Node ${version}`,
  );
});
