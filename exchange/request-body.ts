/** Bodies against compiled schemas: nothing is coerced, unknown fields are refused, and the first problem is named. */
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Refused } from "#exchange/http.ts";

/** How much of a wrong value is shown back. */
const SHOWN_CHARACTERS_MAX = 40;

/** Reads a body, and says by which schema. */
export interface BodyReader<S extends TSchema> {
  (body: unknown): Static<S>;
  readonly schema: S;
}

/** Compiles a schema into a reader that returns the body or throws `validation-error` with the field's name. */
export function bodyReader<S extends TSchema>(schema: S): BodyReader<S> {
  const check = Compile(schema);
  const read = (body: unknown) => {
    if (check.Check(body)) return body as Static<S>;
    const error = check.Errors(body).find(({ keyword }) => keyword !== "boolean");
    const { field, message } = describe(error, body);
    throw new Refused("validation-error", message, { field, message });
  };
  return Object.assign(read, { schema });
}

/** Reads raw text as JSON; throws `malformed-json` with the place. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refused("malformed-json", `the body is not JSON: ${(error as Error).message}`);
  }
}

interface SchemaError {
  keyword: string;
  instancePath: string;
  params: object;
  message: string;
}

function describe(
  error: SchemaError | undefined,
  body: unknown,
): { field: string; message: string } {
  const parents = (error?.instancePath ?? "").split("/").slice(1);
  const named = (name: string | undefined) =>
    [...parents, ...(name === undefined ? [] : [name])].join(".") || "body";
  const params = (error?.params ?? {}) as {
    requiredProperties?: string[];
    additionalProperties?: string[];
    allowedValues?: unknown[];
    type?: string;
  };
  const got = shown(valueAt(body, parents));
  if (error?.keyword === "required") {
    const field = named(params.requiredProperties?.[0]);
    return { field, message: `${field} is missing` };
  }
  if (error?.keyword === "additionalProperties") {
    const field = named(params.additionalProperties?.[0]);
    return { field, message: `${field} is not a field of this request; leave it out` };
  }
  const field = named(undefined);
  if (error?.keyword === "enum") {
    const allowed = params.allowedValues?.join(", ");
    return { field, message: `${field} is ${got}, expected one of ${allowed}` };
  }
  if (error?.keyword === "type") {
    return { field, message: `${field} is ${got}, expected ${params.type}` };
  }
  return { field, message: `${field} is ${got}: it ${error?.message ?? "does not match"}` };
}

function valueAt(body: unknown, path: readonly string[]): unknown {
  return path.reduce((at, name) => (at as Record<string, unknown> | undefined)?.[name], body);
}

/** A value as it came, cut short. */
export function shown(value: unknown): string {
  if (value === undefined) return "empty";
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
