/** Starting what is measured and what measures, each on its own core, and stopping all of it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** What is kept of a process's output, to be shown when it fails. */
const OUTPUT_CHARACTERS_MAX = 20_000;
const LAST_WORDS_CHARACTERS = 500;

/** The measured gateway has one core, everything else the other. */
export type Core = "target" | "others";
const CORES: Record<Core, string> = { target: "0", others: "1" };

export interface Command {
  core: Core;
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: Record<string, string>;
  /** What its output says when it is ready; its first group is what `start` resolves with. */
  says: RegExp;
}

export interface Started {
  pid: number;
  said: string;
  stop(): Promise<void>;
}

/** What the running processes said last, to be shown when a load failed. */
export function lastWords(): string {
  const running = [...children].filter(([child]) => child.exitCode === null);
  return running
    .map(([{ pid }, tail]) => `${pid}: ${tail().slice(-LAST_WORDS_CHARACTERS)}`)
    .join("\n");
}

/** Whether a program can be called. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync("which", [name], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Why processes cannot have a core each, or null. */
export function pinningProblem(): string | null {
  if (!hasProgram("taskset")) return "taskset is missing (Debian: apt-get install util-linux)";
  return availableParallelism() < 2 ? "there is one core only" : null;
}

const isPinned = pinningProblem() === null;

/** What runs, each with the last of what it said. */
const children = new Map<ChildProcess, () => string>();
// However this process ends, nothing that it started goes on.
process.once("exit", () => {
  for (const child of children.keys()) child.kill("SIGKILL");
});

/** The command line that keeps a process on its core. */
export function pinned(core: Core, command: string, args: readonly string[]): [string, string[]] {
  if (!isPinned) return [command, [...args]];
  return ["taskset", ["-c", CORES[core], command, ...args]];
}

/** Starts a process; resolves when its output says that it is ready. */
export async function start(given: Command): Promise<Started> {
  const [command, args] = pinned(given.core, given.command, given.args);
  const child = spawn(command, args, {
    cwd: given.cwd,
    env: { ...process.env, ...given.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail = keepTail(child);
  children.set(child, tail);
  const said = await ready(child, given, tail);
  child.once("exit", died);
  function died(code: number | null, signal: string | null) {
    console.error(`${nameOf(given)} ended (${code ?? signal}): ${tail()}`);
    process.exit(1);
  }
  return {
    pid: child.pid ?? 0,
    said,
    async stop() {
      child.off("exit", died);
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** The last of what a process said. */
function keepTail(child: ChildProcess): () => string {
  let output = "";
  const listen = (part: Buffer) => {
    output = (output + part.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout?.on("data", listen);
  child.stderr?.on("data", listen);
  return () => output;
}

const nameOf = ({ command, args }: Command) => [command, ...args].slice(0, 4).join(" ");

function ready(child: ChildProcess, given: Command, tail: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`${nameOf(given)} ${what}: ${tail()}`));
    const timer = setTimeout(() => fail("is not ready"), START_TIMEOUT_MS);
    child.once("error", reject);
    child.once("exit", () => fail("ended"));
    const look = () => {
      const match = given.says.exec(tail());
      if (match === null) return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      child.stdout?.off("data", look);
      child.stderr?.off("data", look);
      resolve(match[1] ?? "");
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
  });
}

/** Runs a program to its end and resolves with its output. */
export function run(core: Core, command: string, args: readonly string[]): Promise<string> {
  const [program, rest] = pinned(core, command, args);
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (part) => {
      output += part;
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}: ${output}`)),
    );
  });
}

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
