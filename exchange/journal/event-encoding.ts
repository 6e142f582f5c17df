/**
 * Events as bytes: one JSON object per line, in the order the fields were emitted. Amounts are
 * decimal strings, read back by the name of their key (`…Micros`, and `amount` of a posting).
 */
import type { CoreEvent } from "#exchange/core/events.ts";

function writeAmounts(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

function readAmounts(key: string, value: unknown): unknown {
  const isAmount = key === "amount" || key.endsWith("Micros");
  return isAmount && typeof value === "string" ? BigInt(value) : value;
}

/** Encodes events as lines. */
export function encodeEvents(events: readonly CoreEvent[]): Uint8Array {
  let text = "";
  for (const event of events) text += `${JSON.stringify(event, writeAmounts)}\n`;
  return new TextEncoder().encode(text);
}

/** Decodes what `encodeEvents` wrote. */
export function decodeEvents(bytes: Uint8Array): CoreEvent[] {
  const events: CoreEvent[] = [];
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    if (line !== "") events.push(JSON.parse(line, readAmounts) as CoreEvent);
  }
  return events;
}
