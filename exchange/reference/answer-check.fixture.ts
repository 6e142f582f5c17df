/** Holds every answer of an app to what its route says of itself; for tests, which then find what is undescribed. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { Description } from "./described.ts";

/** What stood in an answer and not in its description, or the other way round. */
export function checkAnswers(app: FastifyInstance): string[] {
  const problems: string[] = [];
  const checks = new Map<Description, Validator>();
  app.addHook("onSend", async (request, reply, payload) => {
    if (reply.statusCode >= 300) return payload;
    const { description } = request.routeOptions.config;
    if (description === undefined) problems.push(`${nameOf(request)} is not described`);
    else problems.push(...problemsOf(request, description, reply.statusCode, payload));
    return payload;
  });
  return problems;

  function problemsOf(
    request: FastifyRequest,
    description: Description,
    status: number,
    payload: unknown,
  ): string[] {
    const expected = description.status ?? 200;
    if (status !== expected) return [`${nameOf(request)} answered ${status}, not ${expected}`];
    if (description.answer === null) return [];
    let check = checks.get(description);
    if (check === undefined) {
      check = Compile(envelopeOf(description));
      checks.set(description, check);
    }
    const value: unknown = JSON.parse(String(payload));
    return check
      .Errors(value)
      .map(({ instancePath, message }) => `${nameOf(request)} ${instancePath}: ${message}`);
  }
}

function envelopeOf({ answer, bare, paged }: Description): TSchema {
  if (answer === null) throw new Error("an answer without a body has no envelope");
  if (bare === true) return answer;
  const data = { data: answer };
  const paging = Type.Object({}, { additionalProperties: true });
  return Type.Object(paged === true ? { ...data, paging } : data, { additionalProperties: false });
}

function nameOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url}`;
}
