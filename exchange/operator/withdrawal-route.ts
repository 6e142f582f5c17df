/** Withdrawals that wait for the operator: paid outside and completed here, or rejected. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Refused, runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { Dollars, Id } from "#exchange/trading/schemas/values.ts";
import { WithdrawalAnswer, withdrawalView } from "#exchange/trading/schemas/withdrawals.ts";
import { parsePublicId } from "#protocol/ids.ts";
import { formatMicros } from "#protocol/money.ts";

/** Longest reason that is recorded. */
const REASON_CHARACTERS_MAX = 200;

const readRejection = bodyReader(
  Type.Object(
    { reason: Type.String({ minLength: 1, maxLength: REASON_CHARACTERS_MAX }) },
    { additionalProperties: false },
  ),
);
const Decided = Type.Object({
  withdrawal_id: Id("withdrawal"),
  status: Type.Enum(["completed", "rejected"]),
  amount: Dollars,
});
const tag = "operator" as const;
const errors = ["withdrawal-not-found"] as const;
const LIST = described({
  tag,
  summary: "Withdrawals that wait to be paid or rejected",
  answer: Type.Array(WithdrawalAnswer),
});
const COMPLETE = described({
  tag,
  summary: "Says that a withdrawal was paid: the money leaves the books",
  answer: Decided,
  errors,
});
const REJECT = described({
  tag,
  summary: "Gives a withdrawal back to its account",
  body: readRejection.schema,
  answer: Decided,
  errors,
});

/** `GET /withdrawals`, `POST /withdrawals/:id/complete` and `/reject`. */
export function withdrawalRoute(app: FastifyInstance, shell: Shell): void {
  interface ById {
    Params: { id: string };
  }
  app.get("/withdrawals", LIST, () =>
    shell.read(({ withdrawals }) => ({ data: [...withdrawals.values()].map(withdrawalView) })),
  );
  app.post<ById>("/withdrawals/:id/complete", COMPLETE, async (request, reply) => {
    const withdrawal = numberOf(request.params.id);
    const command = { type: "complete-withdrawal" as const, withdrawal };
    const { amountMicros } = await runCommand(shell, reply, command);
    return decided(request.params.id, "completed", amountMicros);
  });
  app.post<ById>("/withdrawals/:id/reject", REJECT, async (request, reply) => {
    const withdrawal = numberOf(request.params.id);
    const { reason } = readRejection(request.body);
    const command = { type: "reject-withdrawal" as const, withdrawal, reason };
    const { amountMicros } = await runCommand(shell, reply, command);
    return decided(request.params.id, "rejected", amountMicros);
  });
}

function decided(withdrawal_id: string, status: string, amountMicros: string): object {
  return { data: { withdrawal_id, status, amount: formatMicros(BigInt(amountMicros)) } };
}

function numberOf(id: string): number {
  const number = parsePublicId("withdrawal", id);
  if (number !== null) return number;
  throw new Refused("withdrawal-not-found", `"${id.slice(0, 80)}" is no withdrawal id`);
}
