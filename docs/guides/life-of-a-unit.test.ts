/** Keeps the guide true. `UPDATE_GUIDES=1` writes it anew; read what changed before you commit it. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lifeOfAUnit } from "./life-of-a-unit.fixture.ts";

const file = new URL("./life-of-a-unit.md", import.meta.url);

test("the guide shows what the ledger posts for a Unit, to the micro-dollar", () => {
  const page = lifeOfAUnit();
  if (process.env.UPDATE_GUIDES === "1") writeFileSync(file, page);
  expect(readFileSync(file, "utf8")).toBe(page);
});

test("the amounts that its sentences name are among those that were posted", () => {
  const page = lifeOfAUnit();
  for (const amount of ["24,000", "20,000", "3,200", "1,000", "4,400", "400", "11,554", "246"]) {
    expect(page).toContain(` ${amount} |`);
  }
});
