/** From the buyer's request to the backend's: the local model, the reserved maximum, and nothing that names the buyer. */

/** Fields that identify or bill the buyer; a supplier has no business with them. */
const BUYER_FIELDS = [
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "service_tier",
  "provider",
  "route",
];

/** Builds the body for the backend. `maxOutputTokens` is what the exchange reserved, per choice. */
export function toBackendBody(
  request: Record<string, unknown>,
  options: { model: string; streamed: boolean; maxOutputTokens: number },
): Record<string, unknown> {
  const body = { ...request };
  for (const field of BUYER_FIELDS) delete body[field];
  delete body.max_completion_tokens;
  body.model = options.model;
  body.max_tokens = options.maxOutputTokens;
  body.stream = options.streamed;
  if (options.streamed) body.stream_options = { include_usage: true };
  else delete body.stream_options;
  return body;
}
