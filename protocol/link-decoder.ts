/** Reading the link's JSON payloads: a schema's compiled check, and a sentence where it does not match. */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";

/** Longest type name of a message that a refusal repeats, in characters. */
const SHOWN_CHARACTERS_MAX = 40;

/** Outcome of reading a JSON payload: the message, or a sentence that says what was expected. */
export type Decoded<T> = { ok: true; message: T } | { ok: false; reason: string };

/** Builds the reader of one schema. The reader never throws, whatever the payload. */
export function decoder<S extends TSchema>(schema: S): (payload: Uint8Array) => Decoded<Static<S>> {
  const check = Compile(schema);
  return (payload) => {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(payload).toString("utf8"));
    } catch {
      return { ok: false, reason: "the payload is not JSON" };
    }
    if (check.Check(value)) return { ok: true, message: value as Static<S> };
    const first = check.Errors(value)[0];
    const kind = (value as { type?: unknown } | null)?.type;
    // Only a word is repeated: showing a deeply nested value would overflow the stack.
    const shown = typeof kind === "string" ? `"${kind.slice(0, SHOWN_CHARACTERS_MAX)}"` : "null";
    return {
      ok: false,
      reason: `message ${shown}: ${first?.instancePath || "/"} ${first?.message ?? "does not match"}`,
    };
  };
}
