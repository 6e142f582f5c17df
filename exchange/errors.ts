/** Refusals as HTTP answers: the published envelope of the trading API, and OpenAI's. */
import { ERRORS, type ErrorEntry, type Refusal } from "./error-catalogue.ts";

export { ERRORS, type ErrorEntry, type Refusal } from "./error-catalogue.ts";

export interface ErrorReply {
  status: number;
  headers: Record<string, string>;
  body: object;
}

/** What the OpenAI SDKs are told of a refusal, defaults filled in. */
export function openaiEntry(refusal: Refusal): { status: number; type: string; code: string } {
  const { status, code, openai }: ErrorEntry = ERRORS[refusal];
  return {
    status: openai?.status ?? status,
    type: openai?.type ?? "invalid_request_error",
    code: openai?.code ?? code.toLowerCase(),
  };
}

function retryHeaders({ retryAfterSeconds }: ErrorEntry): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
}

/** A refusal in the published envelope of the trading API: `{errors: {detail, code, message}}`. */
export function tradingError(refusal: Refusal, message?: string, details?: object): ErrorReply {
  const entry: ErrorEntry = ERRORS[refusal];
  const text = message ?? entry.message;
  const errors = { detail: entry.detail ?? text, code: entry.code, message: text };
  return {
    status: entry.status,
    headers: retryHeaders(entry),
    body: { errors: details === undefined ? errors : { ...errors, details } },
  };
}

/** A refusal in OpenAI's shape: `{error: {message, type, param, code}}`. */
export function openaiError(
  refusal: Refusal,
  message?: string,
  param: string | null = null,
): ErrorReply {
  const { status, type, code } = openaiEntry(refusal);
  const text = message ?? ERRORS[refusal].message;
  return {
    status,
    headers: retryHeaders(ERRORS[refusal]),
    body: { error: { message: text, type, param, code } },
  };
}
