/** The OpenAPI document and the reference page of a real exchange, over a real socket. */
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "#exchange/errors.ts";
import { type RunningExchange, startRunningExchange } from "#exchange/running-exchange.fixture.ts";
import { CONSUMPTION_ROUTES } from "./consumption-routes.ts";
import type { OpenApiDocument } from "./openapi.ts";
import { wholeSchema } from "./whole-schema.fixture.ts";

let exchange: RunningExchange;
let url = "";
let document: OpenApiDocument;
let page = "";

beforeAll(async () => {
  exchange = await startRunningExchange();
  ({ url } = exchange);
  document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
  page = await (await fetch(`${url}/reference`)).text();
});
afterAll(() => exchange.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test("is OpenAPI 3.1 and describes every route that the exchange has", () => {
  expect(document.openapi).toBe("3.1.0");
  const undescribed = operations().filter(({ operation }) => operation.tags.length === 0);
  expect(undescribed.map(({ path }) => path)).toEqual([]);
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining([
      "/v1/orders/{id}",
      "/v1/markets/{id}/orderbook",
      "/operator/v1/deposits",
      "/v1/chat/completions",
      "/healthz",
    ]),
  );
});

test("gives each operation a name of its own, and each placeholder a parameter", () => {
  const names = operations().map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, operation } of operations()) {
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const params = operation.parameters.filter((each) => each.in === "path");
    expect([path, params.map(({ name }) => name)]).toEqual([path, placeholders]);
    expect(Object.keys(operation.responses).some((status) => status.startsWith("2"))).toBe(true);
  }
});

test("names only schemas, tags and ways of proof that it has", () => {
  const tags = (document.tags as { name: string }[]).map(({ name }) => name);
  const schemes = Object.keys(document.components.securitySchemes as object);
  for (const { operation } of operations()) {
    expect(tags).toEqual(expect.arrayContaining(operation.tags));
    expect(schemes).toEqual(expect.arrayContaining(operation.security.flatMap(Object.keys)));
  }
  const references = JSON.stringify(document).match(/"#\/components\/schemas\/[^"]+"/g) ?? [];
  const missing = [...new Set(references)]
    .map((text) => text.slice('"#/components/schemas/'.length, -1))
    .filter((name) => !(name in document.components.schemas));
  expect(missing).toEqual([]);
});

test("has schemas that compile, and examples that they take", () => {
  let examples = 0;
  const visit = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("examples" in schema && Array.isArray(schema.examples)) {
      const check = Compile(wholeSchema(document, schema));
      for (const example of schema.examples) expect(check.Errors(example)).toEqual([]);
      examples += schema.examples.length;
    }
    for (const each of Object.values(schema)) visit(each);
  };
  for (const schema of Object.values(document.components.schemas)) {
    Compile(wholeSchema(document, schema));
    visit(schema);
  }
  expect(examples).toBeGreaterThan(10);
});

test("says who may call what: market data is open, orders need a signature, the operator a token", () => {
  const securityOf = (path: string, method: string) => document.paths[path]?.[method]?.security;
  expect(securityOf("/v1/markets", "get")).toEqual([]);
  expect(securityOf("/v1/orders", "post")).toEqual([
    { signatureTimestamp: [], signatureFingerprint: [], signature: [] },
  ]);
  expect(securityOf("/v1/me", "get")).toHaveLength(2);
  expect(securityOf("/operator/v1/accounts", "get")).toEqual([{ operatorToken: [] }]);
  expect(securityOf("/v1/chat/completions", "post")).toEqual([{ apiKey: [] }]);
});

test("tells the truth about who may: every route that needs proof refuses without", async () => {
  for (const { path, method, operation } of operations()) {
    const target = `${url}${path.replaceAll(/\{\w+\}/g, "none")}`;
    const response = await fetch(target, { method: method.toUpperCase() });
    await response.arrayBuffer();
    const isOpen = operation.security.length === 0;
    expect([method, path, response.status === 401]).toEqual([method, path, !isOpen]);
  }
});

test("describes the consumption paths that are served", async () => {
  for (const { method, path } of CONSUMPTION_ROUTES) {
    const response = await fetch(`${url}${path.replace(":model", "text-prime")}`, { method });
    await response.arrayBuffer();
    expect([path, response.status]).not.toEqual([path, 404]);
  }
});

describe("the reference page", () => {
  test("lists every operation and every error code, and loads nothing", () => {
    for (const { operation } of operations())
      expect(page).toContain(`id="${operation.operationId}"`);
    for (const { code } of Object.values(ERRORS)) expect(page).toContain(code);
    expect(page).not.toMatch(/<script|<link|<img|url\(|@import|https?:\/\//);
  });

  test("may load nothing, says its own header", async () => {
    const response = await fetch(`${url}/reference`);
    expect(response.headers.get("content-type")).toMatch(/text\/html/);
    expect(response.headers.get("content-security-policy")).toMatch(/default-src 'none'/);
  });
});
