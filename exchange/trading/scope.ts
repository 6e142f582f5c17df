/**
 * What all trading routes share: a body limit, raw bodies for the signature, request ids, the caller
 * and its limits. Routes find their JSON in `request.body` and their account with `callerOf`.
 */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CoreState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { parseJson } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import type { Authenticator, Proof } from "./authentication.ts";
import type { Purpose, RateLimits } from "./rate-limits.ts";

/** Largest body of a trading request. */
export const TRADING_BODY_BYTES_MAX = 64 * 1024;

const callers = new WeakMap<FastifyRequest, number>();

/** The account that a guarded request proved to be. */
export function callerOf(request: FastifyRequest): number {
  const account = callers.get(request);
  if (account === undefined) throw new Error(`${request.url} is not guarded`);
  return account;
}

/** Makes a scope keep bodies as they came: a signature covers exact bytes. */
export function keepRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: "string", bodyLimit: TRADING_BODY_BYTES_MAX } as const;
  app.addContentTypeParser("*", options, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("x-request-id", randomUUID());
  });
}

/** Public routes: limited by address. */
export function limitByAddress(app: FastifyInstance, limits: RateLimits): void {
  app.addHook("onRequest", async (request, reply) => {
    enforce(limits, reply, "marketData", request.ip);
  });
}

/** Routes that need a caller: proof first, then the account's limit, then the JSON. */
export function guard(
  app: FastifyInstance,
  { auth, limits, proof }: { auth: Authenticator; limits: RateLimits; proof: Proof },
): void {
  app.addHook("preValidation", async (request, reply) => {
    const raw = typeof request.body === "string" ? request.body : "";
    const account = auth.accountOf(request, raw, proof);
    callers.set(request, account);
    enforce(limits, reply, purposeOf(request), String(account));
    request.body = raw === "" ? undefined : parseJson(raw);
  });
}

function purposeOf({ method, url }: FastifyRequest): Purpose {
  if (!/\/orders(?=[/?]|$)/.test(url)) return "account";
  if (method === "DELETE") return "cancels";
  return method === "POST" ? "orders" : "account";
}

function enforce(limits: RateLimits, reply: FastifyReply, purpose: Purpose, key: string): void {
  const { limit, remaining, resetSeconds, retryAfterSeconds } = limits.take(purpose, key);
  reply.headers({
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(resetSeconds),
  });
  if (retryAfterSeconds === null) return;
  reply.header("x-ratelimit-retry-after", String(retryAfterSeconds));
  throw new Refused(
    "rate-limit-exceeded",
    `more than ${limit} requests of this kind at once; wait ${retryAfterSeconds} s`,
    { retry_after: retryAfterSeconds },
  );
}

/** Answers with a view of the state, once durable, and the sequence it was computed at. */
export async function readData<T>(
  shell: Shell,
  reply: FastifyReply,
  view: (state: CoreState) => T,
): Promise<{ data: T }> {
  const { data, seq } = await shell.read((state) => ({ data: view(state), seq: state.seq }));
  reply.header("x-gridspot-seq", String(seq));
  return { data };
}
