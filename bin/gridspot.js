#!/usr/bin/env node
/** The `gridspot` command: checks the runtime, then hands over to the TypeScript sources. */
import { nodeVersionProblem } from "./node-version.js";

const problem = nodeVersionProblem(process.versions.node);
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
// Where Node cannot strip types itself. tsx names every closure when it is made, which costs a table of
// 256 bytes each: a quarter of the memory of an open stream.
if (!process.features.typescript) {
  const { register } = await import("tsx/esm/api");
  register();
}
const { Command } = await import("commander");
const program = new Command("gridspot").description("An open spot market for AI inference.");
const { exchangeCommand } = await import("../exchange/cli.ts");
program.addCommand(exchangeCommand());
const { agentCommand } = await import("../node-agent/cli.ts");
program.addCommand(agentCommand());
await program.parseAsync();
