/** `gridspot agent start`: runs the agent beside a backend until it is told to stop. */
import { Command } from "commander";
import { runAgent } from "./main.ts";

export function agentCommand(): Command {
  const agent = new Command("agent").description("sell an inference server's capacity");
  agent
    .command("start")
    .description("measure the backend, link to the exchange, quote and serve")
    .option("--exchange <url>", "ws:// or wss:// of the exchange (GRIDSPOT_EXCHANGE)")
    .option("--join <token>", "join token, on first contact (GRIDSPOT_JOIN_TOKEN)")
    .option("--backend <url>", "inference server (BACKEND_URL); else the usual ports are tried")
    .option("--instrument <symbol>", "what to sell (text-lite)")
    .option("--price <dollars>", "ask per Unit (0.50)")
    .option("--units <quantity>", "Units on offer (1)")
    .option("--slots <count>", "requests served at the same time (4)")
    .option("--name <name>", "name of this node (node)")
    .option(
      "--data-dir <folder>",
      "keys (GRIDSPOT_AGENT_DATA_DIR, else agent/ in GRIDSPOT_DATA_DIR)",
    )
    .action((flags) => runAgent(flags));
  return agent;
}
