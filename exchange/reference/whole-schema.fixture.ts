/** A schema of the OpenAPI document with its references filled in, so that it can be compiled alone. */
import type { OpenApiDocument } from "./openapi.ts";

export function wholeSchema(document: OpenApiDocument, schema: unknown): object {
  if (Array.isArray(schema)) return schema.map((each) => wholeSchema(document, each));
  if (typeof schema !== "object" || schema === null) return schema as unknown as object;
  if ("$ref" in schema) {
    const name = String(schema.$ref).replace("#/components/schemas/", "");
    const target = document.components.schemas[name];
    if (target === undefined) throw new Error(`nothing is called ${String(schema.$ref)}`);
    return wholeSchema(document, target);
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, each]) => [key, wholeSchema(document, each)]),
  );
}
