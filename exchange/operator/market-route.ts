/** Halting a market and letting it trade again, which leads through an auction. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import {
  AUCTION_MS_MAX,
  HALT_REASON_LENGTH_MAX,
  TRADING_PHASES,
} from "#exchange/core/market/trading-phase.ts";
import { runCommand } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { bodyReader } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import { listedOf } from "#exchange/trading/markets.ts";
import { Nullable, Text, Time } from "#exchange/trading/schemas/values.ts";

const CLOSED = { additionalProperties: false };
const readHalt = bodyReader(
  Type.Object(
    {
      phase: Type.Enum(["halted", "closed"]),
      reason: Type.String({ minLength: 1, maxLength: HALT_REASON_LENGTH_MAX }),
    },
    CLOSED,
  ),
);
const readResume = bodyReader(
  Type.Object({ auction_ms: Type.Integer({ minimum: 0, maximum: AUCTION_MS_MAX }) }, CLOSED),
);
const Phase = Type.Enum([...TRADING_PHASES]);
const HALT = described({
  tag: "operator",
  summary: "Halts a market, or closes it, which cancels its orders",
  body: readHalt.schema,
  answer: Type.Object({ symbol: Text, phase: Phase }),
  errors: ["instrument-not-found", "market-not-found"],
});
const RESUME = described({
  tag: "operator",
  summary: "Lets a market trade again after an auction of that length",
  body: readResume.schema,
  answer: Type.Object({ symbol: Text, phase: Phase, ends_at: Nullable(Time) }),
  errors: ["instrument-not-found", "market-not-found"],
});

/** `POST /markets/:id/halt` and `/resume`. */
export function marketRoute(app: FastifyInstance, shell: Shell): void {
  app.post<{ Params: { id: string } }>("/markets/:id/halt", HALT, async (request, reply) => {
    const { symbol } = listedOf(shell.state, request.params.id).instrument;
    const halt = readHalt(request.body);
    return { data: await runCommand(shell, reply, { type: "halt-trading", symbol, ...halt }) };
  });
  app.post<{ Params: { id: string } }>("/markets/:id/resume", RESUME, async (request, reply) => {
    const { symbol } = listedOf(shell.state, request.params.id).instrument;
    const { auction_ms: auctionMs } = readResume(request.body);
    const { endsAtMs, phase } = await runCommand(shell, reply, {
      ...{ type: "resume-trading", symbol, auctionMs },
    });
    const ends_at = endsAtMs === null ? null : new Date(endsAtMs).toISOString();
    return { data: { symbol, phase, ends_at } };
  });
}
