/** Starts of the real process that must not come to anything: one message, exit code 1, no stack. */
import { chmodSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runToEnd, startExchange } from "./exchange-process.fixture.ts";
import { shellOver } from "./storage.fixture.ts";
import { openStorage } from "./storage.ts";

/** Root may write everywhere; without this capability it may not. */
const WITHOUT_OVERRIDE =
  process.getuid?.() === 0
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    : [];

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridspot-start-"));
});
afterEach(() => {
  chmodSync(dir, 0o700);
  rmSync(dir, { recursive: true, force: true });
});

/** A start that is refused; returns what it said. */
async function refusal(dataDir = dir, wrapper: string[] = []): Promise<string> {
  const { code, stdout, stderr } = await runToEnd([], dataDir, wrapper);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr;
}

test("a second exchange on a directory is refused while the first runs, and the first runs on", async () => {
  const first = await startExchange(dir);
  expect(await refusal()).toContain(`data directory ${dir} is in use by another exchange`);
  expect((await runToEnd(["verify"], dir)).stderr).toContain("back it up while it runs");
  const account = await first.operator("accounts", { name: "ada", mode: "easy" });
  expect(account).toMatchObject({ name: "ada" });
  await first.end("SIGKILL");
});

test("of two that start at once, one serves and the other is refused", async () => {
  const starts = await Promise.allSettled([startExchange(dir), startExchange(dir)]);
  const started = starts.filter((each) => each.status === "fulfilled");
  const refused = starts.filter((each) => each.status === "rejected");
  expect([started.length, refused.length]).toEqual([1, 1]);
  expect(String(refused[0]?.reason)).toContain("is in use by another exchange");
  await started[0]?.value.end("SIGKILL");
});

test("a damaged journal is refused as it would be by hand", async () => {
  await (await startExchange(dir)).end("SIGTERM");
  truncateSync(join(dir, "journal.db"), 4096);
  expect(await refusal()).toContain(`${join(dir, "journal.db")} is damaged`);
});

test("an exchange that has lost its key is refused in words, and starts with a new one when asked to", async () => {
  const storage = await openStorage(dir);
  const shell = shellOver(storage, 100);
  await shell.execute({ type: "open-account", name: "ada", mode: "easy" });
  await shell.close();
  storage.history.close();
  expect(await refusal()).toMatch(/exchange\.key is missing.* event 1\..*exchange new-key/);
  const { code, stdout } = await runToEnd(["new-key"], dir);
  expect([code, stdout]).toEqual([0, expect.stringContaining("public key is")]);
  await (await startExchange(dir)).end("SIGTERM");
});

test.each([
  ["written", 0o500],
  ["entered", 0o600],
])("a directory that cannot be %s is refused in words", async (_what, mode) => {
  chmodSync(dir, mode);
  expect(await refusal(dir, WITHOUT_OVERRIDE)).toContain(`data directory ${dir} cannot be used`);
});

test("a journal that cannot be read is refused in words", async () => {
  writeFileSync(join(dir, "journal.db"), "", { mode: 0o200 });
  expect(await refusal(dir, WITHOUT_OVERRIDE)).toContain("journal.db cannot be opened");
});

test("a file in place of the directory is refused in words", async () => {
  const file = join(dir, "data");
  writeFileSync(file, "");
  expect(await refusal(file)).toContain(`data directory ${file} cannot be used`);
});

test("a disk that takes nothing is refused in words, and leaves nothing that looks like a journal", async () => {
  // In units of 512 bytes: enough for one page, not for the tables.
  const small = ["/bin/sh", "-c", 'ulimit -f 8 && exec "$@"', "sh"];
  const said = await refusal(dir, small);
  expect(said).toContain(join(dir, "journal.db"));
  expect(said).toMatch(/disk/);
  await (await startExchange(dir)).end("SIGTERM");
  expect(existsSync(join(dir, "journal.db"))).toBe(true);
});
