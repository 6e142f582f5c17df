/** `GET /status`: whether commands are executed, and if not, why and what the operator does about it. */
import type { FastifyInstance } from "fastify";
import { BREACH_REMEDY } from "#exchange/invariant-watch.ts";
import type { Shell } from "#exchange/shell.ts";
import { STATUS } from "./descriptions.ts";

/** Registers the route. */
export function statusRoute(app: FastifyInstance, shell: Shell): void {
  app.get("/status", STATUS, () =>
    shell.read(({ seq }) => {
      const { stoppedBecause: reason } = shell;
      const stopped = { status: "trading-stopped", seq, reason, remedy: BREACH_REMEDY };
      return { data: reason === null ? { status: "ok", seq } : stopped };
    }),
  );
}
