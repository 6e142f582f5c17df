/**
 * What all trading routes share: a body limit, raw bodies for the signature, request ids, the caller
 * and its limits. Routes find their JSON in `request.body` and their account with `callerOf`.
 */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "#exchange/clock.ts";
import type { CoreState } from "#exchange/core/state.ts";
import { Refused } from "#exchange/http.ts";
import { markProof } from "#exchange/reference/described.ts";
import { parseJson } from "#exchange/request-body.ts";
import type { Shell } from "#exchange/shell.ts";
import type { Authenticator, Proof } from "./authentication.ts";
import { repeatPosts } from "./idempotency.ts";
import { bucketOf } from "./order-buckets.ts";
import type { Purpose, RateLimits } from "./rate-limits.ts";

/** Largest body of a trading request. */
export const TRADING_BODY_BYTES_MAX = 64 * 1024;
/** Published as `X-Api-Version`: that of the paths. */
export const API_VERSION = "1";

interface Caller {
  account: number;
  rawBody: string;
}
const callers = new WeakMap<FastifyRequest, Caller>();

function known(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error(`${request.url} is not guarded`);
  return caller;
}

/** The account that a guarded request proved to be. */
export function callerOf(request: FastifyRequest): number {
  return known(request).account;
}

/** Makes a scope keep bodies as they came: a signature covers exact bytes. */
export function keepRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const options = { parseAs: "string", bodyLimit: TRADING_BODY_BYTES_MAX } as const;
  app.addContentTypeParser("*", options, (_request, body, done) => done(null, body));
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers({ "x-request-id": randomUUID(), "x-api-version": API_VERSION });
  });
}

/** Public routes: limited by address. */
export function limitByAddress(
  app: FastifyInstance,
  limits: RateLimits,
  purpose: Purpose = "marketData",
): void {
  markProof(app, "none");
  app.addHook("onRequest", async (request, reply) => {
    enforce(limits, reply, purpose, request.ip);
  });
}

export interface Guard {
  auth: Authenticator;
  limits: RateLimits;
  proof: Proof;
  shell: Shell;
  clock: Clock;
}

/** Routes that need a caller: proof first, then the account's limit, then the JSON. */
export function guard(app: FastifyInstance, { auth, limits, proof, shell, clock }: Guard): void {
  markProof(app, proof);
  app.addHook("preValidation", async (request, reply) => {
    const rawBody = typeof request.body === "string" ? request.body : "";
    const account = auth.accountOf(request, rawBody, proof);
    callers.set(request, { account, rawBody });
    const parsed = readJson(rawBody);
    request.body = parsed.value;
    const { purpose, key } = bucketOf(request, account, shell.state);
    enforce(limits, reply, purpose, key);
    if (parsed.error !== null) throw parsed.error;
  });
  repeatPosts(app, { clock, callerOf, rawBodyOf: (request) => known(request).rawBody });
}

/** A body that is no JSON still counts against a limit, so its refusal waits. */
function readJson(raw: string): { value: unknown; error: unknown } {
  if (raw === "") return { value: undefined, error: null };
  try {
    return { value: parseJson(raw), error: null };
  } catch (error) {
    return { value: undefined, error };
  }
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
