/** The names of ledger accounts and holds. UNIT accounts carry their instrument after a `/`. */

export const WORLD = "world";
export const FEES = "exch:fees";

export const available = (account: number): string => `${account}:avail`;
export const bond = (account: number): string => `${account}:bond`;
export const pendingPay = (account: number): string => `${account}:pending`;
/** Contra account: its negative is what the supplier owes in tokens. */
export const issuer = (account: number, symbol: string): string => `${account}/${symbol}:issuer`;
/** Units issued and not sold. */
export const issued = (account: number, symbol: string): string => `${account}/${symbol}:issued`;
export const lotEscrow = (lot: number): string => `lot${lot}:escrow`;
export const lotTokens = (lot: number, symbol: string): string => `lot${lot}/${symbol}:tokens`;

/** Holds: money behind a bid, Units behind an ask, bond behind an ask or a Lot, tokens behind a delivery. */
export const bidHold = (order: number): string => `bid${order}`;
export const askHold = (order: number): string => `ask${order}`;
export const askMargin = (order: number): string => `ask${order}:margin`;
export const lotMargin = (lot: number): string => `lot${lot}:margin`;
export const deliveryHold = (delivery: number, lot: number): string =>
  `delivery${delivery}:lot${lot}`;
