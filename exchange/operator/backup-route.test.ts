import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestExchange, type TestExchange } from "#exchange/trading/trading.fixture.ts";

let exchange: TestExchange;
let dir = "";
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-backup-route-"));
  exchange = await createTestExchange();
});
afterAll(async () => {
  await exchange.close();
  rmSync(dir, { recursive: true, force: true });
});

const backup = (to: string) => exchange.operator("POST", "backup", { to });

test("a backup is made between appends, one at a time, and answered when it is there", async () => {
  const file = join(dir, "one");
  const [first, second] = await Promise.all([backup(file), backup(join(dir, "two"))]);
  expect(first.status).toBe(201);
  expect(first.body.data).toMatchObject({ file, lastSeq: exchange.shell.state.seq });
  expect([second.status, second.body.errors?.code]).toEqual([409, "BACKUP_RUNNING"]);
  expect([existsSync(file), existsSync(join(dir, "two"))]).toEqual([true, false]);
});

test.each([
  ["a relative path", () => "backup", "VALIDATION_ERROR", "absolute"],
  ["a file that is there", () => join(dir, "there"), "BACKUP_FAILED", "is there already"],
  ["a folder that is not", () => join(dir, "no", "a"), "BACKUP_FAILED", "failed"],
])("%s is refused, and the exchange goes on", async (_what, to, code, words) => {
  writeFileSync(join(dir, "there"), "");
  const { status, body } = await backup(to());
  expect([status, body.errors?.code, body.errors?.message]).toEqual([
    422,
    code,
    expect.stringContaining(words),
  ]);
  expect((await exchange.operator("GET", "accounts")).status).toBe(200);
});
