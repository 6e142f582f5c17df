/** Statements: what came to an account and what went, day by day, with the balances before and after. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Clock } from "#exchange/clock.ts";
import type { History } from "#exchange/history/history.ts";
import type { Statement } from "#exchange/history/statement-days.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import { formatMicros, formatUnits } from "#protocol/money.ts";
import { StatementAnswer } from "./schemas/statements.ts";
import { callerOf } from "./scope.ts";

/** A statement of more is asked for in parts. */
export const STATEMENT_DAYS_MAX = 366;
const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

const day = (description: string) => Type.String({ format: "date", description });
const STATEMENT = described({
  tag: "account",
  summary:
    "What came and went on UTC days, by place and kind of event, with opening and closing balances",
  query: {
    from: day("first day, `2026-11-01`; today where nothing is said"),
    to: day(`last day, included, at most ${STATEMENT_DAYS_MAX} days in all; today by default`),
  },
  answer: StatementAnswer,
  errors: ["validation-error"],
});

export async function statementRoute(
  app: FastifyInstance,
  { history, clock }: { history: History; clock: Clock },
): Promise<void> {
  app.get("/statements", STATEMENT, async (request, reply) => {
    const today = new Date(clock.nowMs()).toISOString().slice(0, 10);
    const toMs = dayOf(request, "to", today);
    const fromMs = dayOf(request, "from", today);
    const days = (toMs - fromMs) / DAY_MS + 1;
    if (days < 1 || days > STATEMENT_DAYS_MAX) {
      throw invalid("from", `${days} days from from to to, expected 1 to ${STATEMENT_DAYS_MAX}`);
    }
    reply.header("x-gridspot-seq", String(history.lastSeq));
    return { data: statementView(history.statement(callerOf(request), fromMs, toMs)) };
  });
}

/** Midnight UTC of the day that the query names. */
function dayOf(request: FastifyRequest, name: "from" | "to", otherwise: string): number {
  const given = (request.query as Record<string, unknown>)[name] ?? otherwise;
  const atMs = typeof given === "string" && DAY.test(given) ? Date.parse(given) : Number.NaN;
  // What rolls over, like 2026-02-31, is no day.
  if (!Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(String(given))) return atMs;
  const shown = String(given).slice(0, 80);
  throw invalid(name, `${name} is "${shown}", expected a day of the calendar like 2026-11-25`);
}

function invalid(field: string, message: string): Refused {
  return new Refused("validation-error", message, { field, message });
}

function statementView({ fromDay, toDay, balances, lines }: Statement): object {
  const show = (asset: string) => (asset === "USD" ? formatMicros : formatUnits);
  return {
    from: fromDay,
    to: toDay,
    balances: balances.map(({ asset, place, opening, closing }) => ({
      asset,
      place,
      opening: show(asset)(opening),
      closing: show(asset)(closing),
    })),
    lines: lines.map(({ asset, place, kind, movements, cameIn, wentOut }) => ({
      asset,
      place,
      kind,
      movements,
      came_in: show(asset)(cameIn),
      went_out: show(asset)(wentOut),
    })),
  };
}
