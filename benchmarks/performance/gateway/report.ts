/** Tables of the figures: medians with their spread, differences and ratios within each round. */
import type { Figures } from "./measures.ts";
import type { TargetName } from "./options.ts";

/** The figures of each target, one entry per round. */
export type Rounds = Map<TargetName, Figures[]>;

/** Smallest, middle and largest; an even count takes the lower middle. */
export function spread(values: readonly number[]): [least: number, median: number, most: number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  return [at(0), at(0.5), at(1)];
}

export function show(values: readonly number[], digits: number): string {
  if (values.length === 0 || values.some(Number.isNaN)) return "";
  const text = (value: number) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [least, median, most] = spread(values).map(text);
  return values.length === 1 ? `${median}` : `${median} [${least}..${most}]`;
}

/** A figure of each round. */
export function figures(rounds: Rounds, target: TargetName, name: string): number[] {
  return (rounds.get(target) ?? []).map((round) => round[name] ?? Number.NaN);
}

/** Two targets' figures of the same rounds, joined. */
export function paired(
  rounds: Rounds,
  [one, other]: readonly [TargetName, TargetName],
  name: string,
  join: (a: number, b: number) => number,
): number[] {
  const others = figures(rounds, other, name);
  const pairs = figures(rounds, one, name).slice(0, others.length);
  return pairs.map((value, round) => join(value, others[round] ?? Number.NaN));
}

const over = (a: number, b: number) => a / b;
const minus = (a: number, b: number) => a - b;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

export function ttftTable(rounds: Rounds): string {
  const targets = [...rounds.keys()];
  const rows = targets.map((target) => {
    const added = (name: string) =>
      target === "direct"
        ? show(figures(rounds, target, name), 2)
        : show(paired(rounds, [target, "direct"], name, minus), 2);
    const milliseconds = figures(rounds, target, "cpuPerRequest").map((micros) => micros / 1_000);
    const agent = figures(rounds, target, "agentPerRequest").map((micros) => micros / 1_000);
    return [
      target === "direct" ? "direct (whole time)" : target,
      added("firstP50"),
      added("firstP99"),
      added("deltaP50"),
      show(milliseconds, 1),
      show(agent, 1),
    ];
  });
  const head = ["added by", "first token p50, ms", "p99, ms", "delta p50, ms"];
  return table([...head, "gateway's CPU per request, ms", "agents', ms"], rows);
}

/** Of a saturated target. The last columns compare with Portkey and nginx, where they ran. */
export function rateTable(
  rounds: Rounds,
  rate: "requestsPerSecond" | "deltasPerSecond",
  cpu: "cpuPerRequest" | "cpuPerDelta",
): string {
  const unit = rate === "requestsPerSecond" ? "request" : "delta";
  const rows = [...rounds.keys()].map((target) => {
    const against = (other: TargetName) =>
      target === other || !rounds.has(other)
        ? ""
        : show(paired(rounds, [target, other], rate, over), 2);
    return [
      target,
      show(figures(rounds, target, rate), 0),
      show(figures(rounds, target, cpu), 1),
      show(figures(rounds, target, "coreShare"), 2),
      against("portkey"),
      against("nginx"),
      // Does not depend on how much of its core other work left to a target.
      target === "portkey" || !rounds.has("portkey")
        ? ""
        : show(paired(rounds, ["portkey", target], cpu, over), 2),
    ];
  });
  const head = ["target", `${unit}s/s`, `CPU per ${unit}, µs`, "share of its core"];
  return table([...head, "x Portkey", "x nginx", "Portkey's CPU / its own"], rows);
}

export function memoryTable(byStreams: ReadonlyMap<number, Rounds>): string {
  const rows: string[][] = [];
  for (const [streams, rounds] of byStreams) {
    for (const target of rounds.keys()) {
      const of = (name: string, digits: number) => show(figures(rounds, target, name), digits);
      const agents = ["agent1", "agent2"].map((name) => of(name, 1)).filter((text) => text !== "");
      rows.push([
        target,
        String(streams),
        of("gateway", 1),
        agents.join(" + "),
        of("coreShare", 2),
        of("delivered", 2),
      ]);
    }
  }
  const head = ["target", "open streams", "KiB per stream", "agents', KiB per stream"];
  return table([...head, "share of its core", "deltas delivered / due"], rows);
}
