/** What the fastify routes share: bodies checked by compiled schemas, refusals in the published envelope. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { Command, CommandResult, CommandType } from "#exchange/core/commands.ts";
import { type Refusal, tradingError } from "#exchange/errors.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";

/** A refusal on its way to the error handler. */
export class Refused extends Error {
  readonly refusal: Refusal;
  readonly details: object | undefined;

  constructor(refusal: Refusal, message?: string, details?: object) {
    super(message ?? tradingError(refusal).status.toString());
    this.refusal = refusal;
    this.details = details;
    if (message === undefined) this.message = "";
  }
}

/** Answers with a refusal. */
export function sendRefusal(reply: FastifyReply, error: Refused): FastifyReply {
  const { status, headers, body } = tradingError(
    error.refusal,
    error.message || undefined,
    error.details,
  );
  return reply.status(status).headers(headers).send(body);
}

/** A check for a body: no coercion, unknown fields refused, the first problem named. */
export function bodyOf<S extends TSchema>(schema: S): (request: FastifyRequest) => Static<S> {
  const check = Compile(schema);
  return (request) => {
    const { body } = request;
    if (check.Check(body)) return body as Static<S>;
    const error = check.Errors(body)[0];
    const field = (error?.instancePath ?? "").slice(1).replaceAll("/", ".") || "body";
    const unknown = error?.message === "schema is false";
    const fault = unknown ? "is no field of this request" : `${error?.message}`;
    throw new Refused("validation-error", `${field}: ${fault}`, { field });
  };
}

/** Runs a command, or throws its refusal once it may be told. */
export async function runCommand<T extends CommandType>(
  shell: Shell,
  reply: FastifyReply,
  command: Command<T>,
): Promise<CommandResult<T>> {
  const outcome: Outcome<T> = await shell.execute(command);
  reply.header("x-gridspot-seq", String(outcome.seq));
  if (outcome.ok) return outcome.result;
  const { code, message } = outcome.rejection;
  const details = "details" in outcome.rejection ? outcome.rejection.details : undefined;
  throw new Refused(code, message, details);
}
