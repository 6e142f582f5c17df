/**
 * Public ids: counters of the exchange's state in the form the API shows, `order_<uuid>`.
 * The number sits in the uuid's last 12 hex digits, so that the edge translates without a table.
 */

const PREFIXES = {
  instrument: "instrument",
  market: "market",
  order: "order",
  trade: "trade",
  lot: "lot",
  account: "user",
  node: "node",
  delivery: "delivery",
  transfer: "transfer",
  issuance: "issuance",
  withdrawal: "withdrawal",
} as const;

export type IdKind = keyof typeof PREFIXES;

/** Writes a counter as a public id. */
export function publicId(kind: IdKind, number: number): string {
  return `${PREFIXES[kind]}_00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

/** Reads a public id of that kind (separator `_` or `-`); null when it is none. */
export function parsePublicId(kind: IdKind, text: string): number | null {
  const match = /^([a-z]+)[_-]00000000-0000-4000-8000-([0-9a-f]{12})$/.exec(text) ?? undefined;
  if (match === undefined || match[1] !== PREFIXES[kind]) return null;
  return Number.parseInt(match[2] as string, 16);
}
