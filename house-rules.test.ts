/** Holds the tree to its house rules, and each rule to a planted breach. Reads files, nothing else. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { Compile } from "typebox/compile";
import { describe, expect, test } from "vitest";
import { MarketPolicySchema } from "#exchange/core/policy.ts";
import { type Instrument, InstrumentSchema, instrumentProblems } from "#protocol/instrument.ts";
import * as rules from "./house-rules.ts";

const SKIPPED = new Set(["node_modules", ".git", "data", "coverage"]);

/** Over the limit since before the rule; shrink them, never add. */
const LONG_FILES: Record<string, rules.LongFile> = {};

function filesUnder(folder: string): string[] {
  return readdirSync(new URL(`./${folder}`, import.meta.url), { withFileTypes: true }).flatMap(
    (entry) => {
      if (SKIPPED.has(entry.name)) return [];
      return entry.isDirectory()
        ? filesUnder(`${folder}${entry.name}/`)
        : [`${folder}${entry.name}`];
    },
  );
}
const read = (path: string) => readFileSync(new URL(`./${path}`, import.meta.url), "utf8");
const parsed = (path: string) => JSON.parse(read(path));

const paths = filesUnder("").sort();
const tree = paths
  .filter((path) => /\.(ts|js|mjs|json|md|html|css)$/.test(path))
  .map((path) => ({ path, text: read(path) }));
const manifest: rules.Manifest = parsed("package.json");
const lines = (count: number) => `${"const a = 1;\n".repeat(count)}`;

const FILE_RULES: { name: string; rule: rules.FileRule; breach: rules.TreeFile[] }[] = [
  {
    name: "imports point inward",
    rule: rules.importsPointInward,
    breach: [
      { path: "protocol/a.ts", text: 'import type { A } from "#exchange/a.ts";' },
      { path: "exchange/core/a.ts", text: 'export { a } from "#exchange/clock.ts";' },
      { path: "exchange/a.ts", text: 'import { a } from "#agent/a.ts";' },
      { path: "exchange/a.ts", text: 'const a = await import("#demo/a.ts");' },
      { path: "node-agent/a.test.ts", text: 'import "#exchange/a.ts";' },
      { path: "benchmarks/qualification/a.ts", text: 'import { a } from "#agent/a.ts";' },
    ],
  },
  {
    name: "imports leave their folder by name only",
    rule: rules.importsStayInTheirFolder,
    breach: [
      { path: "exchange/core/a.ts", text: 'import { a } from "../clock.ts";' },
      { path: "exchange/a.ts", text: 'import { a } from "./b";' },
    ],
  },
  {
    name: "the core is pure",
    rule: rules.coreIsPure,
    breach: [
      { path: "exchange/core/a.ts", text: 'import { readFileSync } from "node:fs";' },
      { path: "exchange/core/a.ts", text: "const at = Date.now();" },
      { path: "exchange/core/a.ts", text: "const at = performance.now();" },
      { path: "exchange/core/a.ts", text: "const id = Math.random();" },
      { path: "exchange/core/a.ts", text: "const id = crypto.randomUUID();" },
      { path: "exchange/core/a.ts", text: "setTimeout(run, 1);" },
      { path: "exchange/core/a.ts", text: "export async function a() {}" },
      { path: "exchange/core/market/a.ts", text: "const a = await b;" },
      { path: "exchange/core/a.ts", text: 'fetch("http://a");' },
    ],
  },
  {
    name: "wall time comes from a clock",
    rule: rules.clockIsPassedIn,
    breach: [
      { path: "exchange/trading/a.ts", text: "const at = Date.now();" },
      { path: "node-agent/a.ts", text: "const at = new Date();" },
    ],
  },
  {
    name: "the environment is read in main.ts",
    rule: rules.environmentIsReadInMain,
    breach: [{ path: "exchange/config.ts", text: "const port = process.env.PORT;" }],
  },
  {
    name: "names are kebab-case nouns",
    rule: rules.namesAreKebabCaseNouns,
    breach: [
      { path: "exchange/orderBook.ts", text: "" },
      { path: "exchange/OrderBook.ts", text: "" },
      { path: "exchange/utils.ts", text: "" },
      { path: "exchange/helpers/a.ts", text: "" },
    ],
  },
  {
    name: "files open with what they are",
    rule: rules.filesOpenWithTheirPurpose,
    breach: [{ path: "exchange/a.ts", text: "export const a = 1;" }],
  },
  {
    name: "nothing is mocked",
    rule: rules.nothingIsMocked,
    breach: [{ path: "exchange/a.test.ts", text: 'vi.mock("#exchange/b.ts");' }],
  },
  {
    name: "files stay short",
    rule: rules.filesStayShort(LONG_FILES),
    breach: [
      { path: "exchange/a.ts", text: lines(301) },
      ...Object.entries(LONG_FILES).flatMap(([path, long]) => [
        { path, text: lines(long.lines + 1) },
        { path, text: lines(rules.LINES_MAX) },
      ]),
    ],
  },
  {
    name: "decisions have three parts",
    rule: rules.decisionsHaveThreeParts,
    breach: [{ path: "docs/decisions/0001-a.md", text: "# A\n\n## Context\n\n## Decision\n" }],
  },
];

describe("every file of the tree", () => {
  test.each(FILE_RULES)("$name", ({ rule }) => {
    expect(tree.flatMap((file) => rule(file))).toEqual([]);
  });
});

describe("a planted breach is caught", () => {
  test.each(
    FILE_RULES.flatMap(({ name, rule, breach }) => breach.map((file) => ({ name, rule, file }))),
  )("$name: $file.path", ({ rule, file }) => {
    expect(rule(file)).not.toEqual([]);
  });
});

test("a rule reads code, not comments or strings", () => {
  const text = '/** Not Date.now(). */\nconst a = "await"; // fetch("../a.ts")\n';
  const file = { path: "exchange/core/a.ts", text };
  expect(FILE_RULES.flatMap(({ rule }) => rule(file))).toEqual([]);
});

describe("what is there is written down", () => {
  const docs = read("README.md") + read("ARCHITECTURE.md");

  test("each folder of two levels and each script is named in README or ARCHITECTURE", () => {
    expect(rules.undocumented(paths, manifest, docs)).toEqual([]);
    const planted = rules.undocumented(["a/b/c.ts"], { scripts: { go: "" } }, "");
    expect(planted).toHaveLength(3);
  });

  test("each path that a document names exists", () => {
    const guides = tree.filter(({ path }) => /^([A-Z]+|docs\/decisions\/.*)\.md$/.test(path));
    expect(guides.flatMap((file) => rules.deadPaths(paths, file))).toEqual([]);
    const planted = { path: "README.md", text: "see `exchange/nowhere.ts`" };
    expect(rules.deadPaths(["exchange/a.ts"], planted)).toHaveLength(1);
  });

  test(".env.example lists the settings that are read, and no others", () => {
    expect(rules.undocumentedSettings(tree, read(".env.example"))).toEqual([]);
    const planted = { path: "exchange/a.ts", text: "const a = env.GRIDSPOT_NEW;" };
    expect(rules.undocumentedSettings([planted], "BACKEND_OLD=1")).toHaveLength(2);
  });

  test("README fits in 150 lines and opens with the two commands", () => {
    const readme = read("README.md").split("\n");
    expect(readme.length).toBeLessThanOrEqual(151);
    const firstScreen = readme.slice(0, 24).join("\n");
    expect(firstScreen).toContain("npm ci && npm start");
    expect(firstScreen).toContain("npm ci && npm test");
  });
});

describe("what is installed is known", () => {
  test("every dependency has one exact version", () => {
    expect(rules.looseVersions(manifest)).toEqual([]);
    expect(rules.looseVersions({ devDependencies: { a: "^1.2.3" } })).toHaveLength(1);
  });

  test("no production package needs a newer Node than engines promises", () => {
    expect(rules.enginesProblems(manifest, parsed("package-lock.json"))).toEqual([]);
    const lockfile = { packages: { a: { engines: { node: ">=22.19.0" } } } };
    expect(rules.enginesProblems({ engines: { node: ">=22.13" } }, lockfile)).toHaveLength(1);
  });

  test("development runs on Node 24, under the Apache licence", () => {
    expect(read(".nvmrc").trim()).toBe("24");
    expect(manifest.license).toBe("Apache-2.0");
    expect(read("LICENSE").trim()).toMatch(/^Apache License\s+Version 2\.0, January 2004/);
  });
});

describe("what people edit is sound", () => {
  const instruments = Compile(InstrumentSchema);
  const policy = Compile(MarketPolicySchema);

  test.each(paths.filter((path) => /^config\/instruments.*\.json$/.test(path)))(
    "%s holds instruments that can be listed",
    (path) => {
      const listed: Instrument[] = parsed(path);
      for (const each of listed) expect([...instruments.Errors(each)]).toEqual([]);
      expect(listed.flatMap(instrumentProblems)).toEqual([]);
      expect(new Set(listed.map((each) => each.symbol)).size).toBe(listed.length);
    },
  );

  test("an instrument whose smallest fill is not a whole micro-dollar is caught", () => {
    const [sound] = parsed("config/instruments.json");
    expect(instrumentProblems({ ...sound, tickMicrosPerUnit: 1 })).toHaveLength(1);
    expect(instruments.Check({ ...sound, extra: 1 })).toBe(false);
  });

  test("the market policy is complete", () => {
    const adopted = parsed("config/policy.json");
    expect([...policy.Errors(adopted)]).toEqual([]);
    expect(policy.Check({ ...adopted, takerFeeBps: -1 })).toBe(false);
  });
});

describe("what is shipped is safe to run", () => {
  test("the Dockerfile has both targets, unprivileged, stoppable and watched", () => {
    expect(rules.dockerfileProblems(read("Dockerfile"))).toEqual([]);
    const planted = "FROM node AS exchange\nUSER node\nUSER root\nRUN npm ci --omit=optional\n";
    expect(rules.dockerfileProblems(planted)).toEqual([
      "exchange runs as root",
      "exchange has no STOPSIGNAL",
      "exchange has no ENTRYPOINT as a list",
      "no target agent",
      "agent runs as root",
      "agent has no STOPSIGNAL",
      "agent has no ENTRYPOINT as a list",
      "exchange has no HEALTHCHECK on /healthz",
      "--omit=optional leaves out esbuild's binary, without which tsx runs nothing",
    ]);
  });

  test("whatever the Dockerfile copies is there, and not ignored", () => {
    const ignored = read(".dockerignore");
    expect(rules.missingInImage(read("Dockerfile"), ignored, paths)).toEqual([]);
    const planted = "COPY bin exchange ./\nCOPY --from=base /app ./app\n";
    expect(rules.missingInImage(planted, "*\n!bin\n!exchange", ["bin/a.js"])).toHaveLength(1);
    expect(rules.missingInImage(planted, "*\n!bin", ["bin/a.js", "exchange/a.ts"])).toHaveLength(1);
  });

  test(".ci/run can be executed", () => {
    expect(statSync(new URL("./.ci/run", import.meta.url)).mode & 0o111).not.toBe(0);
  });
});
