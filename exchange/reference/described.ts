/**
 * What a route says of itself, beside the handler that keeps it: the schemas that check its body and
 * describe its answer. The OpenAPI document and the reference page are made of nothing else.
 */
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import type { Refusal } from "#exchange/error-catalogue.ts";

/** How a caller proves who it is. */
export type ProofNeeded = "none" | "signature" | "signature-or-key" | "key" | "operator";

export type Tag =
  | "orders"
  | "markets"
  | "account"
  | "supply"
  | "transfers"
  | "keys"
  | "operator"
  | "consumption"
  | "health";

export interface Description {
  tag: Tag;
  /** One line; says what it does, not how. */
  summary: string;
  /** What else a caller must know. */
  notes?: string;
  query?: Readonly<Record<string, TSchema>>;
  /** Parameters that must be there; the others may be left out. */
  requiredQuery?: readonly string[];
  /** The very schema that the body is checked by. */
  body?: TSchema;
  /** Of the answer that is expected; 200 unless said. */
  status?: number;
  /** What stands under `data`; null: an answer without a body. */
  answer: TSchema | null;
  /** The answer has `paging` beside `data`. */
  paged?: boolean;
  /** The answer is the schema itself, without the envelope. */
  bare?: boolean;
  /** Refusals that are this route's own, beside those that any route may give. */
  errors?: readonly Refusal[];
  /** Names an older path of the same thing. */
  deprecated?: boolean;
}

declare module "fastify" {
  interface FastifyContextConfig {
    description?: Description;
    proof?: ProofNeeded;
  }
}

/** Options of a route that describes itself. */
export function described(description: Description): { config: { description: Description } } {
  return { config: { description } };
}

/** Says how the routes registered after it, in this scope, are proven. */
export function markProof(app: FastifyInstance, proof: ProofNeeded): void {
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, proof };
  });
}

/** A registered route, described or not. */
export interface KnownRoute {
  method: string;
  /** With `:name` for what varies. */
  path: string;
  description: Description | null;
  proof: ProofNeeded;
}

/** Notes every route that is registered after it, in this scope and those within; call it first. */
export function collectRoutes(app: FastifyInstance): () => KnownRoute[] {
  const registered: { methods: string[]; url: string; route: { config?: object } }[] = [];
  app.addHook("onRoute", (route) => {
    registered.push({ methods: [route.method].flat(), url: route.url, route });
  });
  return () =>
    registered.flatMap(({ methods, url, route }) => {
      const { description = null, proof = "none" } = (route.config ?? {}) as {
        description?: Description;
        proof?: ProofNeeded;
      };
      return methods
        .filter((method) => method !== "HEAD")
        .map((method) => ({ method, path: url, description, proof }));
    });
}
