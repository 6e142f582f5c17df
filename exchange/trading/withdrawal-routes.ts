/** Asking for money out: it is set aside at once, and the operator pays it or gives it back. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Refused, runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { parseDecimal } from "#protocol/money.ts";
import { WithdrawalAnswer, withdrawalReference, withdrawalView } from "./schemas/withdrawals.ts";
import { callerOf, readData } from "./scope.ts";

const readWithdrawal = bodyReader(
  Type.Object(
    {
      amount: Type.String({ maxLength: 32, description: "US dollars", examples: ["12.50"] }),
      from: Type.Optional(Type.Enum(["available", "bond"], { default: "available" })),
      reference: Type.String({
        pattern: "^[A-Za-z0-9._:-]{1,64}$",
        description: "the same again is the same withdrawal, while it is open",
      }),
    },
    { additionalProperties: false },
  ),
);
const ASK = described({
  tag: "account",
  summary: "Sets money aside to be paid out",
  body: readWithdrawal.schema,
  status: 202,
  answer: WithdrawalAnswer,
  errors: ["invalid-amount", "insufficient-balance", "reference-reused", "withdrawal-not-found"],
});
const LIST = described({
  tag: "account",
  summary: "The caller's withdrawals that are neither paid nor rejected yet",
  answer: Type.Array(WithdrawalAnswer),
});

export async function withdrawalRoutes(
  app: FastifyInstance,
  { shell }: { shell: Shell },
): Promise<void> {
  app.post("/withdrawals", ASK, async (request, reply) => {
    const account = callerOf(request);
    const { amount, from = "available", reference } = readWithdrawal(request.body);
    const parsed = parseDecimal(amount, 6);
    if (!parsed.ok) throw new Refused("invalid-amount", `amount ${parsed.reason}`);
    const { withdrawal } = await runCommand(shell, reply, {
      type: "request-withdrawal",
      account,
      amountMicros: parsed.value,
      from,
      reference: withdrawalReference(account, reference),
    });
    const open = shell.state.withdrawals.get(withdrawal);
    // It was asked for before, and the operator decided on it at this moment.
    if (open === undefined) throw new Refused("withdrawal-not-found");
    return reply.status(202).send({ data: withdrawalView(open) });
  });
  app.get("/withdrawals", LIST, (request, reply) =>
    readData(shell, reply, (state) =>
      [...state.withdrawals.values()]
        .filter(({ account }) => account === callerOf(request))
        .map(withdrawalView),
    ),
  );
}
