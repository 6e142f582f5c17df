/** Halting the delivery of an instrument: no request is served, and the Lots' time stands still. Trading goes on. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { listedOf } from "#exchange/trading/markets.ts";
import { Count, Text, Time } from "#exchange/trading/schemas/values.ts";

/** Longest reason that is recorded. */
const REASON_CHARACTERS_MAX = 200;

const readHalt = bodyReader(
  Type.Object(
    { reason: Type.String({ minLength: 1, maxLength: REASON_CHARACTERS_MAX }) },
    { additionalProperties: false },
  ),
);
const errors = ["instrument-not-found"] as const;
const HALT = described({
  tag: "operator",
  summary: "Halts the delivery of an instrument; the time of its Lots stands still",
  body: readHalt.schema,
  answer: Type.Object({ symbol: Text, halted_since: Time }),
  errors,
});
const RESUME = described({
  tag: "operator",
  summary: "Lets an instrument be delivered again; its Lots run as much longer as it was halted",
  answer: Type.Object({ symbol: Text, halted_ms: Count }),
  errors,
});

/** `POST /instruments/:id/halt-delivery` and `/resume-delivery`. */
export function deliveryHaltRoute(app: FastifyInstance, shell: Shell): void {
  app.post<{ Params: { id: string } }>(
    "/instruments/:id/halt-delivery",
    HALT,
    async (request, reply) => {
      const { symbol } = listedOf(shell.state, request.params.id).instrument;
      const { reason } = readHalt(request.body);
      const command = { type: "halt-delivery" as const, symbol, reason };
      const { sinceMs } = await runCommand(shell, reply, command);
      return { data: { symbol, halted_since: new Date(sinceMs).toISOString() } };
    },
  );
  app.post<{ Params: { id: string } }>(
    "/instruments/:id/resume-delivery",
    RESUME,
    async (request, reply) => {
      const { symbol } = listedOf(shell.state, request.params.id).instrument;
      const command = { type: "resume-delivery" as const, symbol };
      const { haltedMs } = await runCommand(shell, reply, command);
      return { data: { symbol, halted_ms: haltedMs } };
    },
  );
}
