/** What clients see of the market and of their money, as text: of two states that differ there it differs. */
import { available } from "#exchange/core/ledger/account-names.ts";
import { BUY, SELL } from "#exchange/core/market/order-book-port.ts";
import type { CoreState } from "#exchange/core/state.ts";

const LEVELS = 3;

/** The top of every book, what is open, and what every account has to spend. */
export function marketView(state: CoreState): string {
  const books = [...state.instruments.values()].map(({ book }) => [
    book.depth(BUY, LEVELS),
    book.depth(SELL, LEVELS),
  ]);
  const open = [state.orders.size, state.lots.size, state.deliveries.size];
  // In order of their numbers: the exchange's own comes when it is first paid in, and is the least.
  const accounts = [...state.accounts.keys()].sort((a, b) => a - b);
  const money = accounts.map((account) => state.ledger.free(available(account)).toString());
  return JSON.stringify([books, open, money]);
}
