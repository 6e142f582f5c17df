/**
 * One engine and mix in a process of its own, so that neither the compiled code nor the heap of
 * another counts. Runs one round when it is told to, and waits in between.
 */
import { MIXES, type Mix, recordFlow } from "./command-flows.ts";
import { measureFlow } from "./flow-measure.ts";
import type { CommandFlow } from "./flow-recorder.ts";
import { measureOutsideBook } from "./outside-book.ts";

export const ENGINES = ["core", "reference", "outside"] as const;
export type Engine = (typeof ENGINES)[number];

export interface RoundRequest {
  engine: Engine;
  mix: Mix;
  encode: boolean;
}

const COMMANDS: Record<Mix, number> = {
  trading: 60_000,
  requote: 60_000,
  calls: 60_000,
  expiries: 20_000,
};
/** The peers are slower; a part of the same flow is enough for them. */
const PEER_COMMANDS = 15_000;

type Recorded = Omit<CommandFlow, "end">;

const flows = new Map<Mix, Recorded>();

function flowOf(mix: Mix): Recorded {
  let flow = flows.get(mix);
  if (flow === undefined) {
    // Without the recorder's own state, which nobody needs any more.
    const { commands, atMs, measuredFrom } = recordFlow(mix, COMMANDS[mix]);
    flow = { commands, atMs, measuredFrom };
    flows.set(mix, flow);
  }
  return flow;
}

function firstCommands(flow: Recorded, count: number): Recorded {
  const end = Math.min(flow.commands.length, flow.measuredFrom + count);
  return { ...flow, commands: flow.commands.slice(0, end), atMs: flow.atMs.slice(0, end) };
}

process.on("message", ({ engine, mix, encode }: RoundRequest) => {
  const flow = flowOf(mix);
  if (engine === "core") process.send?.(measureFlow(flow, { encode }));
  else if (engine === "outside") process.send?.(measureOutsideBook(flow, PEER_COMMANDS));
  else {
    process.send?.(measureFlow(firstCommands(flow, PEER_COMMANDS), { referenceBook: true }));
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: MIXES.length });
