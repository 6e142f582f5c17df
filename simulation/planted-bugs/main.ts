/** `npm run simulate:bugs`: plants one bug after another in a copy of the tree and has it found. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PLANTED_BUGS, type PlantedBug } from "./bugs.ts";

const HOURS_MAX = 12;
const SEARCH_TIMEOUT_MS = 300_000;
const FIRST_SEED = 1;
const root = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["config", "exchange", "protocol", "simulation", "package.json", "tsconfig.json"];

function plant(bug: PlantedBug): string {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-bug-"));
  for (const name of COPIED) cpSync(join(root, name), join(dir, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  const file = join(dir, bug.file);
  const parts = readFileSync(file, "utf8").split(bug.find);
  if (parts.length !== 2) {
    throw new Error(`"${bug.name}": ${bug.file} has its text ${parts.length - 1} times, not once`);
  }
  writeFileSync(file, parts.join(bug.replace));
  return dir;
}

function search(dir: string): Promise<string> {
  const args = ["--import", "tsx", "simulation/planted-bugs/search.ts"];
  const options = { cwd: dir, timeout: SEARCH_TIMEOUT_MS };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args, String(FIRST_SEED), String(HOURS_MAX)],
      options,
      (error, stdout, stderr) => {
        resolve(
          error === null ? stdout.trim() : `failed: ${(stderr || error.message).slice(0, 400)}`,
        );
      },
    );
  });
}

const only = process.argv[2];
const waiting = PLANTED_BUGS.filter(({ name }) => only === undefined || name.includes(only));
const missed: string[] = [];
let found = 0;

async function work(): Promise<void> {
  for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
    const dir = plant(bug);
    try {
      const outcome = await search(dir);
      if (outcome.startsWith("found")) found += 1;
      else missed.push(bug.name);
      console.log(`${bug.name}: ${outcome}`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(`${found} of ${found + missed.length} planted bugs found`);
process.exitCode = missed.length === 0 && found > 0 ? 0 : 1;
