/** The reference as one page: no script, nothing from another host. */
import type { OpenApiDocument, Operation } from "./openapi.ts";

export const REFERENCE_PATH = "/reference";

type Json = Record<string, unknown>;

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --dim: #888; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem; }
code, .path { font-family: ui-monospace, monospace; font-size: .92em; }
nav ul { columns: 18rem; padding-left: 1.2rem; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
summary { cursor: pointer; padding: .35rem 0; }
.verb { display: inline-block; min-width: 4.2rem; font-weight: 600; }
.dim { color: var(--dim); }
table { border-collapse: collapse; margin: .3rem 0 1rem; width: 100%; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .6rem .2rem 0; text-align: left; vertical-align: top; }
`;

export function referencePage(document: OpenApiDocument): string {
  const tags = document.tags as { name: string; description: string }[];
  const sections = tags.map((tag) => sectionOf(document, tag)).join("\n");
  const links = tags.map(({ name }) => `<li><a href="#${name}">${escaped(name)}</a></li>`).join("");
  const { title, version, description } = document.info as Record<string, string>;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)} reference</title><style>${STYLE}</style></head><body>
<h1>${escaped(title)} <span class="dim">${escaped(version)}</span></h1>
<p>${marked(description)} The same for machines: <a href="/openapi.json">/openapi.json</a>.</p>
<nav><ul>${links}<li><a href="#schemas">schemas</a></li></ul></nav>
${sections}
<section id="schemas"><h2>schemas</h2>${schemasOf(document)}</section>
</body></html>
`;
}

function sectionOf(
  { paths }: OpenApiDocument,
  { name, description }: { name: string; description: string },
): string {
  const entries = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) => operation.tags.includes(name))
      .map(([method, operation]) => operationOf(path, method, operation)),
  );
  return `<section id="${name}"><h2>${escaped(name)}</h2><p>${marked(description)}</p>${entries.join("\n")}</section>`;
}

function operationOf(path: string, method: string, operation: Operation): string {
  const { summary, description, parameters, requestBody, responses, operationId } = operation;
  const body = requestBody?.content["application/json"].schema;
  return `<details id="${operationId}"><summary><span class="verb">${method.toUpperCase()}</span>
<span class="path">${escaped(path)}</span> <span class="dim">${marked(summary)}</span></summary>
${description === undefined ? "" : `<p>${marked(description)}</p>`}
<p class="dim">${securityOf(operation)}</p>
${
  parameters.length === 0
    ? ""
    : table(
        ["parameter", "in", "form"],
        parameters.map((each) => [
          code(each.name) + (each.required ? " (required)" : ""),
          each.in,
          formOf(each.schema),
        ]),
      )
}
${body === undefined ? "" : `<h4>Body</h4>${fieldsOf(body)}`}
<h4>Answers</h4>${table(
    ["status", "what"],
    Object.entries(responses).map(([status, response]) => [
      status,
      marked(response.description) + answerOf(response),
    ]),
  )}
</details>`;
}

function securityOf({ security }: Operation): string {
  if (security.length === 0) return "needs no proof";
  const ways = security.map((way) => Object.keys(way).map(code).join(" + "));
  return `needs ${ways.join(" or ")}`;
}

function answerOf(response: Json): string {
  const content = response.content as { "application/json": { schema: Json } } | undefined;
  const schema = content?.["application/json"].schema;
  if (schema === undefined || "$ref" in schema)
    return schema === undefined ? "" : ` ${formOf(schema)}`;
  return fieldsOf(schema);
}

function schemasOf({ components }: OpenApiDocument): string {
  return Object.entries(components.schemas)
    .map(([name, schema]) => `<h3 id="schema-${name}">${escaped(name)}</h3>${fieldsOf(schema)}`)
    .join("\n");
}

function fieldsOf(schema: Json): string {
  const properties = schema.properties as Record<string, Json> | undefined;
  if (properties === undefined) return `<p>${formOf(schema)}</p>`;
  const required = (schema.required as string[] | undefined) ?? [];
  return table(
    ["field", "form", ""],
    Object.entries(properties).map(([name, each]) => [
      code(name) + (required.includes(name) ? "" : ' <span class="dim">optional</span>'),
      formOf(each),
      marked(String(each.description ?? "")),
    ]),
  );
}

/** A schema in a few words. */
function formOf(schema: Json): string {
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `<a href="#schema-${name}">${escaped(name)}</a>`;
  }
  if (Array.isArray(schema.anyOf)) return (schema.anyOf as Json[]).map(formOf).join(" or ");
  if (Array.isArray(schema.enum))
    return (schema.enum as unknown[]).map((each) => code(String(each))).join(", ");
  if ("const" in schema) return code(String(schema.const));
  if (schema.type === "array") return `list of ${formOf(schema.items as Json)}`;
  if (schema.type === "object" && schema.properties !== undefined) return fieldsOf(schema);
  const bounds = ["minimum", "maximum", "maxLength", "default"]
    .filter((name) => name in schema)
    .map((name) => `${name} ${String(schema[name])}`);
  const form = String(schema.format ?? schema.type ?? "any");
  return escaped([form, ...bounds].join(", "));
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((each) => `<th>${each}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((each) => `<td>${each}</td>`).join("")}</tr>`);
  return `<table><tr>${head}</tr>${body.join("")}</table>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** Text with `code` in backticks. */
function marked(text: string | undefined): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function escaped(text: string | undefined): string {
  return (text ?? "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
