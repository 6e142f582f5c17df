/** Why there is no link: one error type, so that the agent knows whether trying again can help. */

/** No link came about, or the one there was may not come back. */
export class LinkRefused extends Error {
  readonly code: string;
  /** False: trying again cannot help. */
  readonly retryable: boolean;
  /** Not before this, where the exchange said so. */
  readonly retryAfterMs: number;

  constructor(code: string, message: string, retryable: boolean, retryAfterMs = 0) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}
