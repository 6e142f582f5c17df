/** What the fastify routes share: commands, and refusals in the published envelope. */
import type { FastifyReply } from "fastify";
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
