import { expect, test } from "vitest";
import { typeScriptFlags } from "./typescript-flags.ts";

const resolve = (name: string) => `file:///modules/${name}`;

test("a thread runs without tsx where Node strips types itself", () => {
  expect(typeScriptFlags("strip", resolve)).toEqual([]);
});

test("a thread runs under tsx where Node does not", () => {
  expect(typeScriptFlags(false, resolve)).toEqual(["--import", "file:///modules/tsx"]);
});
