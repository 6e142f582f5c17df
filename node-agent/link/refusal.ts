/** Why there is no link: one error type, so that the agent knows whether trying again can help. */

/** RFC 6455 section 5.5: a control frame holds 125 bytes, two of them the close code. */
const CLOSE_REASON_BYTES_MAX = 123;

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

/** Cuts a text to what a close frame may carry, between characters: ws throws on more. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= CLOSE_REASON_BYTES_MAX) return text;
  let end = CLOSE_REASON_BYTES_MAX;
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString("utf8");
}
