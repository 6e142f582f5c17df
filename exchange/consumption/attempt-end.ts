/** What an attempt's own end amounts to: an answer to settle, or a failure that only looks like one. */
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import type { AttemptOutput } from "./attempt-output.ts";
import type { ChatRequest } from "./chat-request.ts";

export type AttemptEnd =
  | { ok: true; finishReason: string | null; cause: string; choices: readonly object[] | null }
  | { ok: false; cause: string; message: string };

/** Reads the end of an attempt; a whole answer is metered and cut by it. */
export function readEnd(
  { finishReason }: Pick<DeliveryEnd, "finishReason">,
  output: AttemptOutput,
  { streamed }: Pick<ChatRequest, "streamed">,
  hasBegun: boolean,
): AttemptEnd {
  if (streamed) {
    if (output.isFinished(finishReason)) {
      return { ok: true, finishReason, cause: "done", choices: null };
    }
    return !hasBegun && finishReason === null
      ? { ok: false, cause: "backend-failed", message: "the stream ended before it began" }
      : { ok: false, cause: "truncated", message: "the stream ended before its answer did" };
  }
  const answer = output.answer(finishReason);
  if (answer.ok) {
    const { choices, isCut } = answer;
    return isCut
      ? { ok: true, finishReason: "length", cause: "reservation-used", choices }
      : { ok: true, finishReason, cause: "done", choices };
  }
  return answer.problem === "truncated"
    ? { ok: false, cause: "truncated", message: "the answer has no reason to end" }
    : { ok: false, cause: "malformed", message: "the answer is not the one that was asked for" };
}
