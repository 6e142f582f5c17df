/**
 * The published `Idempotency-Key`: the same POST under the same key is executed once and answered
 * alike. Kept in memory, so a restart forgets; what must survive one is an order's `client_order_id`,
 * which the core keeps in the journal (and which the key becomes, where an order has none).
 */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import type { Clock } from "#exchange/clock.ts";
import { Refused } from "#exchange/http.ts";

export const IDEMPOTENCY_KEY_HEADER = "idempotency-key";
/** The same form as of a `client_order_id`. */
const KEY = /^[A-Za-z0-9._:-]{1,64}$/;
export const KEY_KEPT_MS = 24 * 3_600_000;
/** Of all accounts; the longest unused is forgotten first. */
export const KEYS_MAX = 100_000;
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

interface Kept {
  digest: string;
  atMs: number;
  /** Null while the first request is executed. */
  answer: { status: number; body: string; headers: Record<string, string> } | null;
}

/** The key of a request, or null when it has none; throws when it is malformed. */
export function idempotencyKeyOf(request: FastifyRequest): string | null {
  const sent = request.headers[IDEMPOTENCY_KEY_HEADER];
  if (sent === undefined) return null;
  if (typeof sent === "string" && KEY.test(sent)) return sent;
  throw new Refused(
    "idempotency-key-invalid",
    `Idempotency-Key is "${String(sent).slice(0, 40)}", expected 1 to 64 letters, digits, dots, colons, hyphens and underscores`,
  );
}

/** Makes the POSTs of a scope repeatable. `callerOf` and the raw body must be known before handlers run. */
export function repeatPosts(
  app: FastifyInstance,
  {
    clock,
    callerOf,
    rawBodyOf,
  }: {
    clock: Clock;
    callerOf: (request: FastifyRequest) => number;
    rawBodyOf: (request: FastifyRequest) => string;
  },
): void {
  const kept = new LRUCache<string, Kept>({
    max: KEYS_MAX,
    maxSize: ANSWER_BYTES_MAX,
    sizeCalculation: ({ answer }) => 200 + (answer?.body.length ?? 0),
  });
  const open = new WeakMap<FastifyRequest, { name: string; digest: string }>();

  app.addHook("preHandler", async (request, reply) => {
    const key = request.method === "POST" ? idempotencyKeyOf(request) : null;
    if (key === null) return;
    const name = `${callerOf(request)}|${key}`;
    const digest = createHash("sha256")
      .update(`${request.url}\n${rawBodyOf(request)}`)
      .digest("base64");
    const known = kept.get(name);
    if (known === undefined || clock.nowMs() - known.atMs > KEY_KEPT_MS) {
      kept.set(name, { digest, atMs: clock.nowMs(), answer: null });
      open.set(request, { name, digest });
      return;
    }
    if (known.digest !== digest) throw new Refused("idempotency-key-reused");
    if (known.answer === null) throw new Refused("idempotency-key-busy");
    const { status, body, headers } = known.answer;
    await reply
      .status(status)
      .headers({ ...headers, "idempotency-replayed": "true" })
      .type("application/json; charset=utf-8")
      .send(body);
  });

  app.addHook("onSend", async (request, reply, payload) => {
    const { name, digest } = open.get(request) ?? { name: null, digest: "" };
    if (name === null) return payload;
    open.delete(request);
    // A refusal changed nothing: the same may be sent again, and may succeed then.
    if (reply.statusCode >= 300 || typeof payload !== "string") {
      kept.delete(name);
      return payload;
    }
    const seq = reply.getHeader("x-gridspot-seq");
    const headers: Record<string, string> =
      seq === undefined ? {} : { "x-gridspot-seq": String(seq) };
    const answer = { status: reply.statusCode, body: payload, headers };
    kept.set(name, { digest, atMs: clock.nowMs(), answer });
    return payload;
  });
}
