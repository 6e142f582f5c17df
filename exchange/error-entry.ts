/** One row of the table of refusals. */

export interface ErrorEntry {
  /** Published and stable: clients branch on it. The Grid's word where it has one. */
  code: string;
  /** HTTP status on the trading and operator APIs. */
  status: number;
  /** What it means when nothing more exact can be said. */
  message: string;
  /** The published word in `errors.detail`, where The Grid has one. */
  detail?: string;
  /** On the consumption API: status (else the one above), `type` and `code`. */
  openai?: { status?: number; type?: string; code: string };
  /** Seconds after which sending the same again may work; absent where it cannot. */
  retryAfterSeconds?: number;
}

type Extras = Pick<ErrorEntry, "detail" | "openai" | "retryAfterSeconds">;

/** Builds a row. */
export function entry(
  status: number,
  code: string,
  message: string,
  extras: Extras = {},
): ErrorEntry {
  return { status, code, message, ...extras };
}
