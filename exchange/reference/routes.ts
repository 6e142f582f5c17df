/** Serves the OpenAPI document and the reference page; both are made once, when they are first asked for. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { CONSUMPTION_ROUTES } from "./consumption-routes.ts";
import { described, type KnownRoute } from "./described.ts";
import { OPENAPI_PATH, type OpenApiDocument, openApiDocument } from "./openapi.ts";
import { REFERENCE_PATH, referencePage } from "./page.ts";

/** Of the APIs; raised when something that clients rely on changes. */
export const REFERENCE_VERSION = "1.0.0";
const CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'";

const DOCUMENT = described({
  tag: "health",
  summary: "This document",
  bare: true,
  answer: Type.Object({}, { additionalProperties: true }),
});
const PAGE = described({
  tag: "health",
  summary: "This document as a page to read",
  bare: true,
  answer: Type.Object({}, { additionalProperties: true }),
});

export async function referenceRoutes(
  app: FastifyInstance,
  { routes }: { routes: () => KnownRoute[] },
): Promise<void> {
  let made: { document: OpenApiDocument; json: string; page: string } | null = null;
  function reference() {
    if (made === null) {
      const document = openApiDocument([...routes(), ...CONSUMPTION_ROUTES], REFERENCE_VERSION);
      made = { document, json: JSON.stringify(document), page: referencePage(document) };
    }
    return made;
  }

  app.get(OPENAPI_PATH, DOCUMENT, (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(reference().json),
  );
  app.get(REFERENCE_PATH, PAGE, (_request, reply) =>
    reply
      .header("content-security-policy", CONTENT_SECURITY)
      .type("text/html; charset=utf-8")
      .send(reference().page),
  );
}
