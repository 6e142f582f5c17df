#!/usr/bin/env node
/** The `gridspot` command: checks the runtime, then hands over to the TypeScript sources. */
import { nodeVersionProblem } from "./node-version.js";
import { readTypeScript } from "./read-typescript.js";

const problem = nodeVersionProblem(process.versions.node);
if (problem !== null) {
  console.error(problem);
  process.exit(1);
}
await readTypeScript();
const { Command } = await import("commander");
const program = new Command("gridspot").description("An open spot market for AI inference.");
const { exchangeCommand } = await import("../exchange/cli.ts");
program.addCommand(exchangeCommand());
const { agentCommand } = await import("../node-agent/cli.ts");
program.addCommand(agentCommand());
await program.parseAsync();
