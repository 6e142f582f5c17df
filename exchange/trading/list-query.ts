/**
 * Query strings of lists: filters, limit, direction and cursors. Understands the published flat names
 * and the nested form that older clients send (`flop[filters][0][field]=…&flop[filters][0][value]=…`).
 */
import type { CoreState } from "#exchange/core/state.ts";
import { CANDLES_PER_QUERY_MAX } from "#exchange/history/candles.ts";
import { isResolution, RESOLUTIONS, type Resolution } from "#exchange/history/candles-times.ts";
import type { Page, PageRequest } from "#exchange/history/listing.ts";
import { PAGE_LIMIT_MAX } from "#exchange/history/listing.ts";
import type { RecordFilter } from "#exchange/history/queries.ts";
import { Refused } from "#exchange/http.ts";
import { listedOf } from "./markets.ts";
import { LIMIT_DEFAULT } from "./schemas/query.ts";

const NESTED = /^(?:flop\[filters\]|filters)\[(\d{1,2})\]\[(field|op|value)\]$/;
/** Names that older clients use for the same thing. */
const ALIASES: Record<string, string> = {
  page_size: "limit",
  "flop[page_size]": "limit",
  "order_by[]": "order_by",
  "order_directions[]": "order_direction",
};
const SECONDS_MAX = 8_640_000_000_000;
/** All lists are ordered by when their rows came to be; these name that order. */
const ORDER_NAMES = [
  "created_at",
  "inserted_at",
  "submitted_at",
  "execution_timestamp",
  "issued_at",
  "transferred_at",
  "purchased_at",
];

export interface ListQuery {
  page: PageRequest;
  filter(name: string): string | null;
  /** A filter with a closed set of values. */
  choice<T extends string>(name: string, choices: readonly T[]): T | null;
  /** What `market_id` or `instrument_id`, `start_datetime` and `end_datetime` ask for. */
  span(state: CoreState): RecordFilter;
  /** A filter that holds an ISO 8601 time, in milliseconds since the epoch. */
  timeMs(name: string): number | null;
}

/** Reads a query; throws `validation-error` for a name that is not in `parameters` or a value that makes no sense. */
export function readListQuery(query: unknown, parameters: object): ListQuery {
  const values = flatten(query as Record<string, string | string[]>, Object.keys(parameters));
  const filter = (name: string) => values.get(name) ?? null;
  function choice<T extends string>(name: string, choices: readonly T[]): T | null {
    const value = filter(name);
    const found = choices.find((each) => each === value) ?? null;
    if (value !== null && found === null) throw invalid(name, value, choices.join(", "));
    return found;
  }
  choice("order_by", ORDER_NAMES);
  const timeMs = (name: string) => {
    const value = filter(name);
    if (value === null) return null;
    const ms = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) throw invalid(name, value, "a time like 2026-11-24T08:00:00Z");
    return ms;
  };
  return {
    page: {
      limit: readLimit(filter("limit")),
      direction: choice("order_direction", ["asc", "desc"] as const) ?? "asc",
      cursor: readCursor(filter("next"), filter("prev")),
    },
    filter,
    choice,
    timeMs,
    span(state) {
      const market = filter("market_id") ?? filter("instrument_id");
      return {
        symbol: market === null ? null : listedOf(state, market).instrument.symbol,
        fromMs: timeMs("start_datetime"),
        toMs: timeMs("end_datetime"),
      };
    },
  };
}

function flatten(query: Record<string, string | string[]>, known: string[]): Map<string, string> {
  const values = new Map<string, string>();
  const nested = new Map<string, { field?: string; value?: string }>();
  const set = (name: string, value: string) => {
    const flat = ALIASES[name] ?? name;
    if (!known.includes(flat)) {
      const message = `${name} is not a parameter of this list; it takes ${known.join(", ")}`;
      throw new Refused("validation-error", message, { field: name, message });
    }
    values.set(flat, value);
  };
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== "string") throw invalid(name, value.join(", "), "to be given once");
    const [, index, part] = NESTED.exec(name) ?? [];
    if (index === undefined) set(name, value);
    else if (part !== "op") {
      nested.set(index, { ...nested.get(index), [part as "field" | "value"]: value });
    }
  }
  for (const { field, value } of nested.values()) {
    if (field !== undefined && value !== undefined) set(field, value);
  }
  return values;
}

/** Reads `limit`: 1 to 100, 50 when it is not given. */
export function readLimit(text: string | null): number {
  return readCount("limit", text, LIMIT_DEFAULT, PAGE_LIMIT_MAX);
}

/** Reads a whole number from 1 to `max`. */
export function readCount(name: string, text: string | null, missing: number, max: number): number {
  if (text === null) return missing;
  const count = Number(text);
  if (/^\d{1,6}$/.test(text) && count >= 1 && count <= max) return count;
  throw invalid(name, text, `a whole number from 1 to ${max}`);
}

/** Reads a question for candles; without `from` the newest ones are given. */
export function readCandleQuery(
  query: Record<string, string | string[]>,
  nowMs: number,
): { market: string; resolution: Resolution; fromMs: number; toMs: number; limit: number } {
  const values = flatten(query, ["market_id", "resolution", "from", "to", "limit"]);
  const market = values.get("market_id");
  if (market === undefined) throw invalid("market_id", "", "a market");
  const resolution = values.get("resolution") ?? "1h";
  if (!isResolution(resolution)) throw invalid("resolution", resolution, RESOLUTIONS.join(", "));
  const limit = values.get("limit") ?? null;
  return {
    market,
    resolution,
    fromMs: readSeconds("from", values.get("from"), 0),
    toMs: readSeconds("to", values.get("to"), nowMs),
    limit: readCount("limit", limit, CANDLES_PER_QUERY_MAX, CANDLES_PER_QUERY_MAX),
  };
}

function readSeconds(name: string, text: string | undefined, missingMs: number): number {
  if (text === undefined) return missingMs;
  if (/^\d{1,13}$/.test(text) && Number(text) <= SECONDS_MAX) return Number(text) * 1_000;
  throw invalid(name, text, "unix seconds");
}

function readCursor(next: string | null, prev: string | null): PageRequest["cursor"] {
  if (next !== null && prev !== null) {
    throw new Refused("validation-error", "next and prev exclude each other; send one of them");
  }
  if (next !== null) return { next: decodeCursor("next", next) };
  return prev === null ? null : { prev: decodeCursor("prev", prev) };
}

function decodeCursor(name: string, text: string): number {
  const decoded = Buffer.from(text, "base64url").toString("latin1");
  if (/^p\d{1,15}$/.test(decoded)) return Number(decoded.slice(1));
  throw invalid(name, text, "a cursor from paging.next_cursor or paging.prev_cursor");
}

/** The published `paging` object; cursors are opaque on purpose. */
export function pagingView(page: Page<unknown>): object {
  const encode = (cursor: number | null) =>
    cursor === null ? null : Buffer.from(`p${cursor}`).toString("base64url");
  return {
    has_more: page.hasMore,
    next_cursor: encode(page.nextCursor),
    prev_cursor: encode(page.prevCursor),
  };
}

function invalid(field: string, value: string, expected: string): Refused {
  const message = `${field} is "${value.slice(0, 40)}", expected ${expected}`;
  return new Refused("validation-error", message, { field, message });
}
