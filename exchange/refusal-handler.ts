/** The last stop of every refusal and bug in the fastify APIs: the published envelope, and nothing of the inside. */
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { Refused, sendRefusal } from "#exchange/http.ts";

const BY_FASTIFY_CODE = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_INVALID_JSON_BODY: "malformed-json",
  FST_ERR_CTP_EMPTY_JSON_BODY: "malformed-json",
} as const;

/** Answers what routes of this scope throw, and what has no route. `bodyBytesMax` is told to whoever sends more. */
export function handleRefusals(
  app: FastifyInstance,
  { bodyBytesMax }: { bodyBytesMax: number },
  { log }: { log: Pick<Logger, "error"> },
): void {
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof Refused) return sendRefusal(reply, error);
    const {
      statusCode = 500,
      code = "",
      message,
      stack,
    } = error as Partial<Error> & {
      statusCode?: number;
      code?: string;
    };
    if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
      const text = `the body is over ${bodyBytesMax} bytes; send less`;
      return sendRefusal(reply, new Refused("body-too-large", text));
    }
    const known = BY_FASTIFY_CODE[code as keyof typeof BY_FASTIFY_CODE];
    if (known !== undefined) return sendRefusal(reply, new Refused(known));
    if (statusCode < 500) return sendRefusal(reply, new Refused("validation-error", message));
    const path = request.url.split("?")[0];
    log.error({ path, requestId: request.id, reason: message, stack }, "request failed");
    return sendRefusal(reply, new Refused("internal-error"));
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0];
    return sendRefusal(reply, new Refused("not-found", `no ${request.method} ${path}`));
  });
}
