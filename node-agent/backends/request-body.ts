/** From the buyer's request to the backend's: the local model, the reserved maximum, and nothing that names the buyer. */

/** Fields that identify or bill the buyer; a supplier has no business with them. */
export const BUYER_FIELDS = [
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "service_tier",
  "provider",
  "route",
] as const;

/** Builds the body for the backend. `maxOutputTokens` is what the exchange reserved, per choice. */
export function toBackendBody(
  request: Record<string, unknown>,
  options: { model: string; streamed: boolean; maxOutputTokens: number },
): Record<string, unknown> {
  const body = { ...request };
  for (const field of BUYER_FIELDS) delete body[field];
  // Older servers know only `max_tokens`, so both limits of the buyer go there.
  delete body.max_completion_tokens;
  body.max_tokens = Math.min(
    options.maxOutputTokens,
    limitOf(request.max_tokens),
    limitOf(request.max_completion_tokens),
  );
  body.model = options.model;
  body.stream = options.streamed;
  if (options.streamed) body.stream_options = { include_usage: true };
  else delete body.stream_options;
  return body;
}

/** The buyer's own limit in tokens; none where it is no count. */
function limitOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 1
    ? (value as number)
    : Number.POSITIVE_INFINITY;
}
