/** Finding a market by any of its public names. */
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { type IdKind, parsePublicId } from "#protocol/ids.ts";

/** The market with that market id, instrument id or symbol; throws the refusal. */
export function listedOf(state: CoreState, name: string): InstrumentState {
  return find(state, ["market", "instrument"], name);
}

/** The instrument with that symbol alone; throws the refusal. */
export function listedBySymbol(state: CoreState, symbol: string): InstrumentState {
  return find(state, [], symbol);
}

function find(state: CoreState, kinds: readonly IdKind[], name: string): InstrumentState {
  const bySymbol = state.instruments.get(name);
  if (bySymbol !== undefined) return bySymbol;
  const numbers = kinds.map((kind) => parsePublicId(kind, name));
  for (const listed of state.instruments.values()) {
    if (numbers.includes(listed.number)) return listed;
  }
  const shown = name.slice(0, 80);
  if (kinds.length > 0 && shown.startsWith("market")) {
    throw new Refused("market-not-found", `no market "${shown}"; GET /v1/markets lists them`);
  }
  throw new Refused(
    "instrument-not-found",
    `no instrument "${shown}"; GET /v1/instruments lists them`,
  );
}
