/** Finding a market by any of its public names. */
import type { CoreState, InstrumentState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { type IdKind, parsePublicId } from "#protocol/ids.ts";

/** The market with that market id, instrument id or symbol; throws the refusal. */
export function listedOf(state: CoreState, name: string): InstrumentState {
  return known(state, ["market", "instrument"], name);
}

/** The instrument with that symbol alone; throws the refusal. */
export function listedBySymbol(state: CoreState, symbol: string): InstrumentState {
  return known(state, [], symbol);
}

/** By symbol or by an id of one of those kinds; null when nothing is called so. */
export function findListed(
  state: CoreState,
  kinds: readonly IdKind[],
  name: string,
): InstrumentState | null {
  const bySymbol = state.instruments.get(name);
  if (bySymbol !== undefined) return bySymbol;
  const numbers = kinds.map((kind) => parsePublicId(kind, name));
  for (const listed of state.instruments.values()) {
    if (numbers.includes(listed.number)) return listed;
  }
  return null;
}

function known(state: CoreState, kinds: readonly IdKind[], name: string): InstrumentState {
  const found = findListed(state, kinds, name);
  if (found !== null) return found;
  const shown = name.slice(0, 80);
  if (kinds.length > 0 && shown.startsWith("market")) {
    throw new Refused("market-not-found", `no market "${shown}"; GET /v1/markets lists them`);
  }
  throw new Refused(
    "instrument-not-found",
    `no instrument "${shown}"; GET /v1/instruments lists them`,
  );
}
