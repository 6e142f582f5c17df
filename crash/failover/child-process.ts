/** A process of ours that is to be killed: what it says line by line, and a wait for what it says. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const COMPLAINT_CHARACTERS_MAX = 2_000;

export interface Child {
  readonly hasEnded: boolean;
  /** The last it wrote on stderr. */
  readonly complaint: string;
  tell(order: object): void;
  /** SIGKILL, the process that cannot be asked; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs a script of ours; `onLine` gets each line of its stdout that is JSON. */
export function startChild(
  script: string,
  args: readonly string[],
  onLine: (line: Record<string, unknown>) => void,
): Child {
  // Without the harness's environment: what is set there is no part of the run.
  const loader = script.endsWith(".ts") ? ["--import", import.meta.resolve("tsx")] : [];
  const child: ChildProcess = spawn(process.execPath, [...loader, script, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { GRIDSPOT_LOG_LEVEL: "info" },
  });
  let hasEnded = false;
  let complaint = "";
  const onExit = () => child.kill("SIGKILL");
  process.on("exit", onExit);
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      hasEnded = true;
      process.off("exit", onExit);
      resolve();
    });
  });
  child.stdin?.on("error", () => {});
  child.stderr?.on("data", (part) => {
    complaint = `${complaint}${part}`.slice(-COMPLAINT_CHARACTERS_MAX);
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    if (line.startsWith("{")) onLine(JSON.parse(line) as Record<string, unknown>);
  });
  return {
    get hasEnded() {
      return hasEnded;
    },
    get complaint() {
      return complaint;
    },
    tell: (order) => void child.stdin?.write(`${JSON.stringify(order)}\n`),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
