/** `GET /accounts/:id/requests/:request_id`: one request of a buyer, with a verdict on each attempt. */
import type { FastifyInstance } from "fastify";
import type { JudgedAttempt } from "#exchange/core/sla/verdict.ts";
import type { History } from "#exchange/history/history.ts";
import { Refused } from "#exchange/http.ts";
import { parsePublicId, publicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";
import { REQUEST } from "./descriptions.ts";

/** Registers the route. It reads the history, which may be some commands behind: `x-gridspot-seq` says which. */
export function deliveryRoute(
  app: FastifyInstance,
  history: Pick<History, "deliveryByRequestId" | "lastSeq">,
): void {
  app.get<{ Params: { id: string; request_id: string } }>(
    "/accounts/:id/requests/:request_id",
    REQUEST,
    ({ params: { id, request_id } }, reply) => {
      const account = parsePublicId("account", id);
      const found = account === null ? null : history.deliveryByRequestId(account, request_id);
      reply.header("x-gridspot-seq", String(history.lastSeq));
      if (found === null) {
        throw new Refused(
          "delivery-not-found",
          `account "${id.slice(0, 80)}" has no request "${request_id.slice(0, 80)}"`,
        );
      }
      return {
        data: {
          request_id,
          instrument: found.symbol,
          status: found.status,
          cause: found.cause,
          supplier_id: publicId("account", found.supplier),
          prompt_tokens: found.promptTokens,
          completion_tokens: found.completionTokens,
          reported_tokens: found.reportedTokens,
          output_sha256: found.outputSha256,
          cost: formatMicros(found.costMicros),
          attempts: found.judged.map(attemptOf),
        },
      };
    },
  );
}

function attemptOf({ supplier, valueMicros, ...attempt }: JudgedAttempt) {
  return {
    attempt: attempt.attempt,
    supplier_id: publicId("account", supplier),
    verdict: attempt.verdict,
    cause: attempt.cause,
    why: attempt.why,
    tokens: attempt.tokens,
    value: formatMicros(valueMicros),
    first_token_ms: attempt.firstTokenMs,
    tokens_per_second: attempt.tokensPerSecond,
    slowness_bps: attempt.slownessBps,
  };
}
