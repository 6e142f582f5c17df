/** `POST /backup`: makes a backup of the running exchange, in a file of the machine it runs on. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { BackupRefusal, Backups } from "#exchange/backup/backups.ts";
import { Refused } from "#exchange/http.ts";
import { JournalError } from "#exchange/journal/journal.ts";
import { bodyReader } from "#exchange/request-body.ts";
import { backupDescription } from "./descriptions.ts";

const backupBody = bodyReader(
  Type.Object(
    { to: Type.String({ minLength: 1, maxLength: 4096 }) },
    { additionalProperties: false },
  ),
);

const REFUSALS: Record<BackupRefusal, () => Refused> = {
  running: () => new Refused("backup-running"),
  stopping: () => new Refused("service-stopping"),
  "relative-path": () => new Refused("validation-error", "to: expected an absolute path"),
};

/** Registers the route; the answer comes when the file is durable and proved. */
export function backupRoute(app: FastifyInstance, backups: Backups): void {
  app.post("/backup", backupDescription(backupBody.schema), async (request, reply) => {
    const { to } = backupBody(request.body);
    const making = backups.make(to);
    if (typeof making === "string") throw REFUSALS[making]();
    try {
      return await reply.status(201).send({ data: await making });
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      throw new Refused("backup-failed", error.message);
    }
  });
}
