/**
 * What whoever watches the process may ask without a token. Alive and ready are two questions: an
 * exchange whose trading is stopped must not be restarted by its supervisor, for the state that an
 * operator has to look at would be gone; but no request should be sent to it.
 */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { operatorProof, PROOF_CHALLENGE, PROOF_PATH } from "#exchange/backup/running-exchange.ts";
import { Refused } from "#exchange/http.ts";
import { described } from "#exchange/reference/described.ts";
import type { Shell } from "#exchange/shell.ts";

export interface HealthDependencies {
  shell: Pick<Shell, "read" | "stoppedBecause">;
  operatorToken: string;
  /** It is about to end, and takes no new work. */
  isStopping: () => boolean;
}

type Status = "ok" | "trading-stopped" | "stopping";

const Health = Type.Object({
  status: Type.Enum(["ok", "trading-stopped", "stopping"]),
  seq: Type.Integer({ description: "number of the last event that is durable" }),
});
const tag = "health" as const;
const HEALTHZ = described({ tag, summary: "Whether it is alive", bare: true, answer: Health });
const READYZ = described({
  tag,
  summary: "Whether it takes requests; 503 if not",
  bare: true,
  answer: Health,
});
const PROOF = described({
  tag,
  summary: "Proves to the command line that this is its exchange",
  query: { challenge: Type.String({ description: "32 hex digits" }) },
  requiredQuery: ["challenge"],
  answer: Type.Object({ proof: Type.String() }),
});

/** Registers `GET /healthz`, `/readyz` and the proof that the command line asks for. */
export function healthRoutes(
  app: FastifyInstance,
  { shell, operatorToken, isStopping }: HealthDependencies,
): void {
  function status(): Status {
    if (isStopping()) return "stopping";
    return shell.stoppedBecause === null ? "ok" : "trading-stopped";
  }

  // Waits for the disk, as every read does: an exchange that can store nothing is not alive.
  app.get("/healthz", HEALTHZ, () => shell.read(({ seq }) => ({ status: status(), seq })));

  app.get("/readyz", READYZ, async (_request, reply) => {
    const body = await shell.read(({ seq }) => ({ status: status(), seq }));
    return reply.status(body.status === "ok" ? 200 : 503).send(body);
  });

  app.get(PROOF_PATH, PROOF, async (request) => {
    const { challenge } = request.query as { challenge?: unknown };
    if (typeof challenge !== "string" || !PROOF_CHALLENGE.test(challenge)) {
      throw new Refused("validation-error", "challenge: expected 32 hex digits");
    }
    const port = request.socket.localPort ?? 0;
    return { data: { proof: operatorProof(operatorToken, challenge, port) } };
  });
}
