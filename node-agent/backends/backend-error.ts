/** A backend's failure in the words that the link carries. */
import type { DeliveryErrorCode } from "#protocol/link-messages.ts";

export class BackendError extends Error {
  readonly code: DeliveryErrorCode;
  /** HTTP status where the backend gave one. */
  readonly status: number | null;

  constructor(code: DeliveryErrorCode, message: string, status: number | null = null) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
