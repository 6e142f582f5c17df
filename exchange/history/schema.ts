/** The tables of `history.db`: a few columns to find rows by, the row itself as JSON. */
import { CANDLES_SCHEMA } from "./candles.ts";

/** Raised when a table changes; a history of another version is dropped and built anew. */
export const HISTORY_VERSION = 5;

export const HISTORY_SCHEMA = `${CANDLES_SCHEMA}
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE orders (
    number INTEGER PRIMARY KEY, account INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    status TEXT NOT NULL, at_ms INTEGER NOT NULL, client_order_id TEXT, body TEXT NOT NULL) STRICT;
  CREATE INDEX orders_by_account ON orders (account, number);
  CREATE INDEX orders_by_status ON orders (account, status, number);
  CREATE INDEX orders_by_client_id ON orders (account, client_order_id)
    WHERE client_order_id IS NOT NULL;
  CREATE TABLE trades (
    number INTEGER PRIMARY KEY, symbol TEXT NOT NULL, at_ms INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
  CREATE INDEX trades_by_symbol ON trades (symbol, number);
  CREATE TABLE fills (
    account INTEGER NOT NULL, number INTEGER NOT NULL, side TEXT NOT NULL, symbol TEXT NOT NULL,
    trade INTEGER NOT NULL, order_number INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (account, number)) STRICT, WITHOUT ROWID;
  CREATE INDEX fills_by_order ON fills (account, order_number, number);
  CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY, account INTEGER NOT NULL, symbol TEXT NOT NULL,
    request_id TEXT NOT NULL, status TEXT NOT NULL, at_ms INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
  CREATE INDEX deliveries_by_account ON deliveries (account, number);
  CREATE INDEX deliveries_by_request ON deliveries (request_id);
  CREATE TABLE issuances (
    number INTEGER PRIMARY KEY, account INTEGER NOT NULL, symbol TEXT NOT NULL,
    at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX issuances_by_account ON issuances (account, number);
  CREATE TABLE lots (
    number INTEGER PRIMARY KEY, owner INTEGER NOT NULL, supplier INTEGER NOT NULL,
    symbol TEXT NOT NULL, status TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX lots_by_owner ON lots (owner, number);
  CREATE INDEX lots_open ON lots (number) WHERE status = 'open';
  CREATE TABLE transfers (
    number INTEGER PRIMARY KEY, account INTEGER NOT NULL, symbol TEXT NOT NULL,
    at_ms INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX transfers_by_account ON transfers (account, number);
  CREATE TABLE statement_days (
    account INTEGER NOT NULL, day INTEGER NOT NULL, asset TEXT NOT NULL, place TEXT NOT NULL,
    kind TEXT NOT NULL, movements INTEGER NOT NULL, came_in INTEGER NOT NULL,
    went_out INTEGER NOT NULL,
    PRIMARY KEY (account, day, asset, place, kind)) STRICT, WITHOUT ROWID;
`;
