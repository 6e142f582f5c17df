/** Commands about Lots: Units that move between Trading and Consumption, and halts of delivery. */

export interface LotCommandMap {
  /** Bought Units into Consumption, oldest acquisition first; from then on requests draw on them. */
  "transfer-to-consumption": {
    params: { account: number; symbol: string; quantity: number };
    result: { transfer: number; tokens: number };
  };
  /** Untouched whole increments back into Trading, latest expiry first; their expiry stays. */
  "transfer-to-trading": {
    params: { account: number; symbol: string; quantity: number };
    result: { transfer: number; tokens: number };
  };
  /** The operator halts delivery of an instrument, and lets it go on. */
  "halt-delivery": { params: { symbol: string; reason: string }; result: { sinceMs: number } };
  "resume-delivery": { params: { symbol: string }; result: { haltedMs: number } };
}
