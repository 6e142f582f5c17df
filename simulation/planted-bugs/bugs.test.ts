import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PLANTED_BUGS } from "./bugs.ts";

const root = new URL("../../", import.meta.url);

test.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))(
  "%s can be planted: its text stands in the file once",
  (_name, { file, find, replace }) => {
    expect(readFileSync(new URL(file, root), "utf8").split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  },
);
