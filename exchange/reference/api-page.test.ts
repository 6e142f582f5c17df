/** Holds docs/api.md to what is served: its table, its examples, and the codes that it names. */
import { existsSync, readFileSync } from "node:fs";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "#exchange/errors.ts";
import { type RunningExchange, startRunningExchange } from "#exchange/running-exchange.fixture.ts";
import type { OpenApiDocument } from "./openapi.ts";
import { wholeSchema } from "./whole-schema.fixture.ts";

const page = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
let exchange: RunningExchange;
let document: OpenApiDocument;
beforeAll(async () => {
  exchange = await startRunningExchange();
  document = (await (await fetch(`${exchange.url}/openapi.json`)).json()) as OpenApiDocument;
});
afterAll(() => exchange.close());

const rows = page
  .split("\n")
  .map((line) => /^\| `([A-Z]+) (\/[^`]*)` \| `([^`]+)` \| `([^`]+)` \|/.exec(line))
  .filter((match) => match !== null)
  .map(([, method, path, where, test]) => ({ method, path, where, test }));

/** Paths of the trading API; the others have pages of their own. */
function served(): string[] {
  const elsewhere = ["consumption"];
  return Object.entries(document.paths)
    .filter(([path]) => path.startsWith("/v1/"))
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { tags }]) => !tags.some((tag) => elsewhere.includes(tag)))
        .map(([method]) => `${method.toUpperCase()} ${path.slice("/v1".length)}`),
    )
    .sort();
}

test("the table has every path that is served, and no other", () => {
  expect(rows.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served());
});

test.each(rows)("$method $path is where the table says, and its test names it", (row) => {
  const file = (name: string | undefined) => new URL(`../trading/${name}`, import.meta.url);
  expect(existsSync(file(row.where))).toBe(true);
  const text = readFileSync(file(row.test), "utf8");
  // What a test says of a path begins with its first word.
  expect(text).toContain(`/${row.path?.split("/")[1]}`);
});

const EXAMPLE = /<!-- (body|answer) ([A-Z]+) (\S+)(?: (\d+))? -->\n```json\n([\s\S]*?)```/g;
const examples = [...page.matchAll(EXAMPLE)].map(([, kind, method, path, status, json]) => ({
  ...{ kind, method, path, status },
  json: json ?? "",
}));

describe("examples", () => {
  test("are there, and every block of JSON is one", () => {
    expect(examples.length).toBeGreaterThan(3);
    expect(page.match(/```json/g)).toHaveLength(examples.length);
  });

  test.each(examples)("$kind of $method $path $status fits the schema", (example) => {
    const operation = document.paths[example.path ?? ""]?.[(example.method ?? "").toLowerCase()];
    const content =
      example.kind === "body"
        ? operation?.requestBody?.content
        : (operation?.responses[example.status ?? ""]?.content as object);
    const { schema } = (content as { "application/json": { schema: object } })["application/json"];
    expect(Compile(wholeSchema(document, schema)).Errors(JSON.parse(example.json))).toEqual([]);
  });
});

test("every error code that the page names exists", () => {
  const codes: string[] = Object.values(ERRORS).map(({ code }) => code);
  const named = [...page.matchAll(/`(?!GRIDSPOT_)([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code]) => code);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((code) => !codes.includes(code ?? ""))).toEqual([]);
});
