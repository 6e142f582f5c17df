/** A supplier's node as it runs in the field: `gridspot agent start` in a process of its own, to be killed. */
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "./child-process.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/gridspot.js", import.meta.url));
/** More than all buyers ask for at a time. */
const SLOTS = 32;

export interface AgentOptions {
  name: string;
  exchangeUrl: string;
  joinToken: string;
  backendUrl: string;
  dataDir: string;
  symbol: string;
  /** Dollars per Unit. */
  price: string;
  /** Units on offer. */
  units: string;
}

export interface AgentNode {
  /** Links that were opened, over all its lives. */
  readonly links: number;
  readonly asksPlaced: number;
  readonly hasEnded: boolean;
  readonly complaint: string;
  start(): void;
  kill(): Promise<void>;
}

/** Not yet running; the key in its data directory outlives its processes. */
export function createAgentNode(options: AgentOptions): AgentNode {
  const { name, exchangeUrl, joinToken, backendUrl, dataDir, symbol, price, units } = options;
  let child: Child | null = null;
  let links = 0;
  let asksPlaced = 0;
  return {
    get links() {
      return links;
    },
    get asksPlaced() {
      return asksPlaced;
    },
    get hasEnded() {
      return child?.hasEnded ?? true;
    },
    get complaint() {
      return child?.complaint ?? "";
    },
    start() {
      const args = [
        ...["agent", "start", "--exchange", exchangeUrl.replace(/^http/, "ws")],
        ...["--join", joinToken, "--backend", backendUrl, "--data-dir", dataDir, "--name", name],
        ...["--instrument", symbol, "--price", price, "--units", units, "--slots", String(SLOTS)],
      ];
      child = startChild(PROGRAM, args, ({ msg }) => {
        if (String(msg).startsWith("linked")) links += 1;
        if (msg === "ask placed") asksPlaced += 1;
      });
    },
    async kill() {
      await child?.kill();
    },
  };
}
