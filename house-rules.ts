/**
 * The house rules that can be checked by reading: each takes a file's path and text and returns what
 * is wrong as sentences. `house-rules.test.ts` runs them over the tree, and each over a planted breach.
 */

export interface TreeFile {
  /** From the root, with forward slashes. */
  path: string;
  text: string;
}
export type FileRule = (file: TreeFile) => string[];

export const LINES_MAX = 300;

/** Files that were longer than the limit when it came: they may shrink, not grow. */
export interface LongFile {
  lines: number;
  reason: string;
}

const isTestSupport = (path: string) => /\.(test|cases|fixture)\.ts$/.test(path);
const isScript = (path: string) => /\.(ts|js|mjs)$/.test(path);
const isProgram = (path: string) =>
  /(^|\/)main\.ts$/.test(path) || /^bin\/|^demo\/engine\/|^benchmarks\/performance\//.test(path);

/** A plain string, a template, or a comment. */
const TOKEN =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(`(?:\\.|[^`\\])*`)|\/\/.*|\/\*[\s\S]*?\*\//g;

/** The text without comments, and with empty strings. Templates stay: there is code in them. */
export function codeOf(text: string): string {
  return text.replace(TOKEN, (_all, plain?: string, template?: string) =>
    plain === undefined ? (template ?? "") : '""',
  );
}

/** What a file imports, dynamic imports and re-exports included. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(TOKEN)].flatMap(({ 1: plain, index }) => {
    const before = text.slice(Math.max(0, index - 20), index);
    return plain !== undefined && /\b(?:from|import)\s*\(?\s*$/.test(before)
      ? [plain.slice(1, -1)]
      : [];
  });
}

/** Our own folders that a folder may import; the first prefix that fits a file decides. */
const MAY_IMPORT: [folder: string, allowed: RegExp][] = [
  ["protocol/", /^$/],
  ["exchange/core/", /^#(protocol|exchange\/core)\//],
  ["exchange/", /^#(protocol|config|exchange|benchmarks\/qualification)\//],
  ["node-agent/", /^#(protocol|config|agent|benchmarks\/qualification)\//],
  ["benchmarks/qualification/", /^#(protocol|config|benchmarks\/qualification)\//],
  ["benchmarks/", /^#(protocol|config|exchange|agent|benchmarks|demo|simulation)\//],
  ["simulation/", /^#(protocol|config|exchange|simulation)\//],
  ["demo/", /^#/],
];

export const importsPointInward: FileRule = ({ path, text }) => {
  const entry = MAY_IMPORT.find(([folder]) => path.startsWith(folder));
  if (entry === undefined) return [];
  const [folder, allowed] = entry;
  return importsOf(text)
    .filter((name) => name.startsWith("#") && !allowed.test(name))
    .map((name) => `${path} imports ${name}; ${folder} may not know it`);
};

export const importsStayInTheirFolder: FileRule = ({ path, text }) =>
  importsOf(text)
    .filter((name) => name.startsWith("."))
    .filter((name) => !path.startsWith("bin/") && !/^\.(\/[a-z0-9-]+)+(\.\w+)+$/.test(name))
    .map((name) => `${path} imports ${name}; write #folder/name.ts, or ./name.ts from here down`);

/** Time, randomness, waiting and the outside world: what would make a replay differ. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\bMath\.random\b|\bcrypto\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\basync\b|\bawait\b|\bfetch\b|\bprocess\b|\bnew Promise\b/g;

export const coreIsPure: FileRule = ({ path, text }) => {
  if (!path.startsWith("exchange/core/") || isTestSupport(path)) return [];
  const foreign = importsOf(text).filter((name) => !/^(#|\.|typebox($|\/))/.test(name));
  const impure = codeOf(text).match(IMPURE) ?? [];
  return [...foreign.map((name) => `imports ${name}`), ...impure.map((word) => `uses ${word}`)].map(
    (what) => `${path} ${what}; the core is a function of its journal: pass it in as an argument`,
  );
};

export const clockIsPassedIn: FileRule = ({ path, text }) => {
  if (!/^(exchange|node-agent|protocol)\//.test(path) || isTestSupport(path)) return [];
  if (/(^|\/)(clock|main)\.ts$/.test(path)) return [];
  return /\bDate\.now\b|\bnew Date\(\s*\)/.test(codeOf(text))
    ? [`${path} reads the wall clock; take a Clock or a nowMs function instead`]
    : [];
};

export const environmentIsReadInMain: FileRule = ({ path, text }) =>
  !isScript(path) ||
  isProgram(path) ||
  isTestSupport(path) ||
  !/\bprocess\.env\b/.test(codeOf(text))
    ? []
    : [`${path} reads the environment; only main.ts does, and passes settings on`];

export const namesAreKebabCaseNouns: FileRule = ({ path }) => {
  const names = path.split("/").map((name) => name.replace(/^\./, ""));
  const problems = names
    .filter((name) => isScript(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(name))
    .map((name) => `${path}: "${name}" is not kebab-case`);
  return problems.concat(
    names
      .filter((name) => /^(utils?|helpers?|managers?|services?|common|misc)\b/.test(name))
      .map((name) => `${path}: "${name}" says nothing; name it for what it holds`),
  );
};

export const filesOpenWithTheirPurpose: FileRule = ({ path, text }) =>
  !isScript(path) || /\.(test|config)\.ts$/.test(path) || /^(#!.*\n)?\/\*\*/.test(text)
    ? []
    : [`${path} does not open with a comment that says what it is and why`];

export const nothingIsMocked: FileRule = ({ path, text }) =>
  /\bvi\s*\.\s*(mock|doMock|hoisted)\b/.test(codeOf(text))
    ? [`${path} mocks a module; pass a fake in instead`]
    : [];

/** Files stay short; those in `longFiles` may not grow, and leave the list once they are short. */
export function filesStayShort(longFiles: Record<string, LongFile>): FileRule {
  return ({ path, text }) => {
    if (!isScript(path)) return [];
    const lines = text.split("\n").length - 1;
    const max = longFiles[path]?.lines ?? LINES_MAX;
    if (lines > max) return [`${path} has ${lines} lines, at most ${max}; split it`];
    return max > LINES_MAX && lines <= LINES_MAX
      ? [`${path} is short now: take it off the list of long files`]
      : [];
  };
}

export const decisionsHaveThreeParts: FileRule = ({ path, text }) =>
  !/^docs\/decisions\/.*\.md$/.test(path)
    ? []
    : ["Context", "Decision", "Consequences"]
        .filter((heading) => !new RegExp(`^## ${heading}$`, "m").test(text))
        .map((heading) => `${path} has no "## ${heading}"`);

/** Folders of the first two levels that hold files. */
export function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parents = path.split("/").slice(0, -1);
    if (parents[0]?.startsWith(".") === true) continue;
    for (const depth of [1, 2]) {
      if (parents.length >= depth) folders.add(parents.slice(0, depth).join("/"));
    }
  }
  return [...folders].sort();
}

export interface Manifest {
  license?: string;
  engines?: { node?: string };
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Folders and scripts that a newcomer would look up in vain. */
export function undocumented(paths: readonly string[], manifest: Manifest, docs: string): string[] {
  const command = (name: string) =>
    /^(start|test)$/.test(name) ? `npm ${name}` : `npm run ${name}`;
  return [
    ...foldersOf(paths).filter((folder) => !docs.includes(`${folder}/`)),
    ...Object.keys(manifest.scripts ?? {})
      .map(command)
      .filter((text) => !docs.includes(text)),
  ].map((what) => `${what} is in neither README.md nor ARCHITECTURE.md`);
}

/** Paths in backticks that point nowhere; a path without a folder is not one. */
export function deadPaths(paths: readonly string[], { path, text }: TreeFile): string[] {
  const known = new Set([...paths, ...foldersOf(paths).map((folder) => `${folder}/`)]);
  const deep = (name: string) => name.endsWith("/") && paths.some((each) => each.startsWith(name));
  return [...text.matchAll(/`([a-z0-9.-]+\/[a-z0-9./-]*)`/g)]
    .map((match) => match[1] as string)
    .filter((name) =>
      /^(bin|protocol|config|exchange|node-agent|benchmarks|demo|docs)\//.test(name),
    )
    .filter((name) => !known.has(name) && !deep(name))
    .map((name) => `${path} names ${name}, which is not there`);
}

/** A setting's name where it is read: `env.NAME`, `env["NAME"]` or an option's `.env("NAME")`. */
const SETTING = /(?<=\benv(?:ironment)?(?:\.|\[["']|\(["']))(?:GRIDSPOT|BACKEND)_[A-Z_]+\b/g;

/** Settings that the code reads and `.env.example` does not explain, and the other way round. */
export function undocumentedSettings(sources: readonly TreeFile[], example: string): string[] {
  const read = new Set<string>();
  for (const { path, text } of sources) {
    if (!isScript(path) || isTestSupport(path)) continue;
    const names = text.match(SETTING);
    for (const name of names ?? []) read.add(name);
  }
  const explained = new Set(example.match(/(?<=^#? ?)[A-Z_]+(?==)/gm));
  return [
    ...[...read]
      .filter((each) => !explained.has(each))
      .map((each) => `${each} is not in .env.example`),
    ...[...explained].filter((each) => !read.has(each)).map((each) => `${each} is read nowhere`),
  ];
}

/** Dependencies whose version could differ tomorrow. */
export function looseVersions(manifest: Manifest): string[] {
  const all = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  };
  return Object.entries(all)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name} is "${version}", expected one exact version`);
}

export interface Lockfile {
  packages: Record<string, { dev?: boolean; engines?: { node?: string } }>;
}

/** Packages that run in production and want a newer Node than `engines` promises. */
export function enginesProblems(manifest: Manifest, lockfile: Lockfile): string[] {
  const floor = minorOf(manifest.engines?.node ?? "");
  return Object.entries(lockfile.packages)
    .filter(([name, { dev }]) => name !== "" && dev !== true)
    .filter(([, { engines }]) => /^>=[\d.]+$/.test(engines?.node ?? ""))
    .filter(([, { engines }]) => minorOf(engines?.node ?? "") > floor)
    .map(([name, { engines }]) => `${name} needs Node ${engines?.node}, engines promises less`);
}

/** ">=22.13" as 22013. */
function minorOf(range: string): number {
  const match = /(\d+)(?:\.(\d+))?/.exec(range);
  return Number(match?.[1] ?? 0) * 1000 + Number(match?.[2] ?? 0);
}

/** What a container that strangers run must have, for each target. */
export function dockerfileProblems(text: string): string[] {
  const problems: string[] = [];
  const stages = text.split(/^FROM /m).slice(1);
  const stage = (name: string) =>
    stages.find((each) => new RegExp(`^\\S+ AS ${name}\\n`).test(each)) ?? "";
  /** A stage with those it builds upon. */
  const whole = (name: string): string => {
    const own = stage(name);
    const parent = own.split(" ")[0] ?? "";
    return parent !== name && stage(parent) !== "" ? whole(parent) + own : own;
  };
  for (const target of ["exchange", "agent"]) {
    const lines = whole(target);
    if (lines === "") problems.push(`no target ${target}`);
    const users = [...lines.matchAll(/^USER (\S+)$/gm)].map((match) => match[1]);
    if (users.length === 0 || /^(root|0)\b/.test(users.at(-1) ?? "")) {
      problems.push(`${target} runs as root`);
    }
    if (!/^STOPSIGNAL SIGTERM$/m.test(lines)) problems.push(`${target} has no STOPSIGNAL`);
    if (!/^ENTRYPOINT \[/m.test(lines)) problems.push(`${target} has no ENTRYPOINT as a list`);
  }
  if (!/^HEALTHCHECK .*\n?.*\/healthz/m.test(stage("exchange"))) {
    problems.push("exchange has no HEALTHCHECK on /healthz");
  }
  if (/--omit=optional/.test(text.replace(/^#.*$/gm, ""))) {
    problems.push("--omit=optional leaves out esbuild's binary, without which tsx runs nothing");
  }
  return problems;
}

/** What the Dockerfile copies from the tree and the tree, or `.dockerignore`, does not give it. */
export function missingInImage(dockerfile: string, ignore: string, paths: readonly string[]) {
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    (match[1] as string).split(" "),
  );
  const isThere = (name: string) =>
    paths.some((path) => path === name || path.startsWith(`${name}/`)) &&
    ignore.split("\n").includes(`!${name}`);
  return sources.filter((name) => !isThere(name)).map((name) => `${name} would not be copied`);
}
