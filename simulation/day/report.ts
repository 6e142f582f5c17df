/** What a simulated day says at its end: where every cent and every token came from and went. */
import type { DayBooks, Flow } from "./books.ts";
import type { Day } from "./day.ts";

/** An identity that must hold, with both sides. */
interface Proof {
  claim: string;
  left: bigint;
  right: bigint;
}

export interface DayReport {
  lines: string[];
  isGood: boolean;
}

export function reportOn(day: Day, seconds: number): DayReport {
  const { market, seed, hours } = day;
  const { books, problems, state } = market;
  const proofs = proofsOf(books);
  const wrong = proofs.filter(({ left, right }) => left !== right);
  const lines = [
    `${hours} hours of market, seed ${seed}, in ${seconds.toFixed(1)} s: ${market.commands} commands, ${total(books.events)} events, ${state.accounts.size} accounts, ${market.restarts} restarts`,
    "",
    "money, in dollars",
    ...flowLines(books, "USD", dollars),
    "",
    "tokens of all instruments",
    ...flowLines(books, "tokens", String),
    "",
    "what is where at the end",
    ...PLACES.map((place) => row([place, dollars(books.total(place))], [24, 18])),
    "",
    ...proofs.map(proofLine),
    "",
    row(["swept at", "Lots", "tokens"], [10, 8, 14]),
    ...[...market.sweeps].map(([atMs, { lots, tokens }]) =>
      row([new Date(atMs).toISOString().slice(11, 16), `${lots}`, `${tokens}`], [10, 8, 14]),
    ),
    "",
    "commands",
    ...countLines(market.accepted),
    "refused",
    ...countLines(market.refused),
    "events",
    ...countLines(books.events),
    "",
    `${problems.length} problems`,
    ...problems.map((problem) => `  ${problem}`),
  ];
  if (problems.length + wrong.length > 0) {
    lines.push(`again: npm run simulate -- --day --seed ${seed}`);
  }
  return { lines, isGood: problems.length + wrong.length === 0 };
}

/** Where money can be. */
const PLACES = [
  ...["world", "available", "escrow", "pending", "holdback", "bond", "owed"],
  ...["fees", "cover", "guaranty", "receivables", "promo"],
];

/** What must be equal, whatever happened. */
function proofsOf(books: DayBooks): Proof[] {
  const inside = PLACES.slice(1).reduce((sum, place) => sum + books.total(place), 0n);
  const born = books.moved("issuer", "issued");
  const ended = [...books.flows.values()]
    .filter(({ asset, to, from }) => asset === "tokens" && to === "issuer" && from !== "issuer")
    .reduce((sum, { amount }) => sum + amount, 0n);
  return [
    {
      claim: "dollars that came from outside = dollars inside",
      left: -books.total("world"),
      right: inside,
    },
    {
      claim: "tokens issued = tokens used, expired, burned or closed out + in Lots + unsold",
      left: born,
      right: ended + books.total("Lots") + books.total("issued"),
    },
    {
      claim: "tokens owed by suppliers = tokens in Lots + unsold",
      left: -books.total("issuer"),
      right: books.total("Lots") + books.total("issued"),
    },
  ];
}

function proofLine({ claim, left, right }: Proof): string {
  return `${left === right ? "holds" : "FAILS"}  ${claim}: ${left} ${left === right ? "=" : "≠"} ${right}`;
}

function flowLines(
  books: DayBooks,
  asset: Flow["asset"],
  show: (amount: bigint) => string,
): string[] {
  const widths = [22, 12, 12, 10, 22];
  return [
    row(["event", "from", "to", "times", "amount"], widths),
    ...[...books.flows.values()]
      .filter((flow) => flow.asset === asset)
      .sort((a, b) => compare([a.kind, a.from, a.to], [b.kind, b.from, b.to]))
      .map(({ kind, from, to, movements, amount }) =>
        row([kind, from, to, String(movements), show(amount)], widths),
      ),
  ];
}

function countLines(counts: ReadonlyMap<string, number>): string[] {
  const sorted = [...counts].sort(([a], [b]) => compare([a], [b]));
  return sorted.map(([name, times]) => row([name, String(times)], [28, 10]));
}

/** Words to the left, the last column and figures to the right. */
function row(cells: readonly string[], widths: readonly number[]): string {
  const isFigure = (cell: string) => /^[-\d.]+$/.test(cell) || ["times", "amount"].includes(cell);
  return cells
    .map((cell, at) =>
      isFigure(cell) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
    )
    .join("  ")
    .trimEnd();
}

function dollars(micros: bigint): string {
  const digits = String(micros < 0n ? -micros : micros).padStart(7, "0");
  return `${micros < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const times of counts.values()) sum += times;
  return sum;
}

function compare(a: readonly string[], b: readonly string[]): number {
  const [left, right] = [a.join(" "), b.join(" ")];
  return left < right ? -1 : left > right ? 1 : 0;
}
