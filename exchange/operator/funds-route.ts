/** The exchange's own money: what cover is bought with, and what stands in for defaults. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { COVER, FEES, GUARANTY, RECEIVABLES } from "#exchange/core/ledger/account-names.ts";
import { Refused, runCommand } from "#exchange/http.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { formatMicros, parseDecimal } from "#protocol/money.ts";
import { FUNDS, fundDescription } from "./descriptions.ts";

const fundBody = bodyReader(
  Type.Object(
    {
      fund: Type.Enum(["cover", "guaranty"]),
      amount: Type.String({ maxLength: 32 }),
      reference: Type.String({ minLength: 1, maxLength: 100 }),
    },
    { additionalProperties: false },
  ),
);

/** `POST /exchange-funds` pays in, once per reference; `GET` tells what there is. */
export function fundsRoute(app: FastifyInstance, shell: Shell): void {
  app.post("/exchange-funds", fundDescription(fundBody.schema), async (request, reply) => {
    const { fund, amount, reference } = fundBody(request.body);
    const parsed = parseDecimal(amount, 6);
    if (!parsed.ok) throw new Refused("invalid-amount", `amount ${parsed.reason}`);
    const { balanceMicros } = await runCommand(shell, reply, {
      type: "fund-exchange",
      fund,
      amountMicros: parsed.value,
      reference,
    });
    return reply.status(201).send({ data: { fund, balance: formatMicros(BigInt(balanceMicros)) } });
  });

  app.get("/exchange-funds", FUNDS, () =>
    shell.read(({ ledger }) => ({
      data: {
        cover: formatMicros(ledger.balance(COVER)),
        cover_in_use: formatMicros(ledger.held(COVER)),
        guaranty: formatMicros(ledger.balance(GUARANTY)),
        guaranty_set_aside: formatMicros(ledger.held(GUARANTY)),
        fees: formatMicros(ledger.balance(FEES)),
        owed_by_suppliers: formatMicros(ledger.balance(RECEIVABLES)),
      },
    })),
  );
}
