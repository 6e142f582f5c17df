/**
 * The OpenAPI 3.1 document of all HTTP APIs, from what each route says of itself. Schemas are the ones
 * that check bodies and that tests hold answers to, so the document cannot say anything else.
 */
import type { TSchema } from "typebox";
import type { Refusal } from "#exchange/error-catalogue.ts";
import { ERRORS, type ErrorEntry } from "#exchange/errors.ts";
import type { Description, KnownRoute, ProofNeeded } from "./described.ts";
import { COMPONENTS, errorSchemaOf, SECURITY, TAGS } from "./document-parts.ts";
import { KNOWN_SCHEMAS } from "./known-schemas.ts";

export const OPENAPI_PATH = "/openapi.json";
/** The trading API is there once more, for clients that look for keys on another host. */
const SECOND_MOUNT = /^\/api\/v1(\/|$)/;

const IDEMPOTENCY = [
  "idempotency-key-invalid",
  "idempotency-key-reused",
  "idempotency-key-busy",
] as const;

type Json = { [name: string]: unknown };
export interface OpenApiDocument extends Json {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> } & Json;
}
export interface Operation extends Json {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  security: object[];
  parameters: { name: string; in: string; required: boolean; schema: Json }[];
  requestBody?: { required: boolean; content: { "application/json": { schema: Json } } };
  responses: Record<string, Json & { description: string }>;
}

export function openApiDocument(routes: readonly KnownRoute[], version: string): OpenApiDocument {
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    if (SECOND_MOUNT.test(route.path)) continue;
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    const operations = paths[path] ?? {};
    operations[route.method.toLowerCase()] = operationOf(route);
    paths[path] = operations;
  }
  const schemas: Record<string, Json> = { ...COMPONENTS.schemas };
  for (const [schema, name] of KNOWN_SCHEMAS) schemas[name] = written(schema, schema);
  return {
    openapi: "3.1.0",
    info: {
      title: "gridspot",
      version,
      description:
        "An open spot market for AI inference. `docs/api.md` says how requests are signed; amounts are decimal strings, times ISO 8601 in UTC.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: TAGS,
    paths,
    components: { ...COMPONENTS, schemas },
  };
}

function operationOf({ method, path, description, proof }: KnownRoute): Operation {
  const operationId = `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9_]+(\w?)/g, (_all, next: string) => next.toUpperCase())}`;
  const params = [...path.matchAll(/:(\w+)/g)].map(([, name]) => parameter(String(name), "path"));
  const security = SECURITY[proof];
  if (description === null) {
    const responses = { default: { description: "not described" } };
    return { operationId, tags: [], summary: "", security, parameters: params, responses };
  }
  const { tag, summary, notes, query = {}, body, requiredQuery = [], deprecated } = description;
  const queries = Object.entries(query).map(([name, schema]) =>
    parameter(name, "query", referenced(schema), requiredQuery.includes(name)),
  );
  return {
    operationId,
    tags: [tag],
    summary,
    ...(notes === undefined ? {} : { description: notes }),
    ...(deprecated === true ? { deprecated } : {}),
    security,
    parameters: [...params, ...queries, ...headersOf(method, proof)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: referenced(body) } },
          },
        }),
    responses: responsesOf(method, description, proof),
  };
}

function parameter(
  name: string,
  place: string,
  schema: Json = { type: "string" },
  required = false,
) {
  return { name, in: place, required: required || place === "path", schema };
}

/** An Idempotency-Key may come with every POST of an account. */
function headersOf(method: string, proof: ProofNeeded): Operation["parameters"] {
  if (method !== "POST" || !proof.startsWith("signature")) return [];
  return [
    parameter("Idempotency-Key", "header", { type: "string", pattern: "^[A-Za-z0-9._:-]{1,64}$" }),
  ];
}

function responsesOf(
  method: string,
  description: Description,
  proof: ProofNeeded,
): Operation["responses"] {
  const { answer, status = 200, tag } = description;
  const responses: Operation["responses"] = {
    [String(status)]: {
      description: answer === null ? "done" : "the answer",
      ...(answer === null
        ? {}
        : { content: { "application/json": { schema: envelope(description, answer) } } }),
    },
  };
  const error = { content: { "application/json": { schema: errorSchemaOf(tag) } } };
  for (const [code, refusals] of byStatus(refusalsOf(method, description, proof))) {
    const codes = refusals.map((refusal) => `\`${ERRORS[refusal].code}\``);
    responses[code] = { description: codes.join(", "), ...error };
  }
  return responses;
}

/** Its own refusals, and those that any request of its kind may get. */
function refusalsOf(
  method: string,
  { errors = [], body, query }: Description,
  proof: ProofNeeded,
): Refusal[] {
  const any: Refusal[] = ["overloaded", "internal-error"];
  if (proof === "operator") any.push("operator-token-invalid");
  else if (proof !== "none") any.push("missing-authentication", "rate-limit-exceeded");
  else any.push("rate-limit-exceeded");
  if (proof === "signature" || proof === "signature-or-key") {
    any.push("invalid-signature", "expired-timestamp", "invalid-nonce", "nonce-reused");
    any.push("unknown-signature-version");
    if (method === "POST") any.push(...IDEMPOTENCY);
  }
  if (proof === "signature-or-key" || proof === "key") any.push("invalid-api-key");
  if (body !== undefined || query !== undefined) any.push("validation-error");
  if (body !== undefined) any.push("malformed-json", "body-too-large");
  return [...new Set([...errors, ...any])];
}

function byStatus(refusals: readonly Refusal[]): Map<string, Refusal[]> {
  const groups = new Map<string, Refusal[]>();
  for (const refusal of refusals) {
    const { status }: ErrorEntry = ERRORS[refusal];
    groups.set(String(status), [...(groups.get(String(status)) ?? []), refusal]);
  }
  return new Map([...groups].sort());
}

function envelope({ bare, paged }: Description, answer: TSchema): Json {
  const data = referenced(answer);
  if (bare === true) return data;
  const properties = paged === true ? { data, paging: ref("Paging") } : { data };
  return { type: "object", required: Object.keys(properties), properties };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function referenced(schema: TSchema): Json {
  return written(schema, null);
}

/** As plain JSON, with a reference where a known schema stands; `whole` is the one that is written out. */
function written(value: unknown, whole: unknown): Json {
  const name = KNOWN_SCHEMAS.get(value as TSchema);
  if (name !== undefined && value !== whole) return ref(name);
  if (Array.isArray(value)) return value.map((each) => written(each, whole)) as unknown as Json;
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, written(each, whole)]),
  );
}
