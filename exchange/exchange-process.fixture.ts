/** The real `gridspot exchange` as a process of its own, for tests that start, kill and starve it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../bin/gridspot.js", import.meta.url));

export interface ProcessEnd {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface ExchangeProcess {
  child: ChildProcess;
  url: string;
  /** Calls the operator's API; returns its `data`. */
  operator(path: string, body: object): Promise<Record<string, unknown>>;
  /** Sends a signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

function launch(args: string[], dataDir: string, wrapper: string[]): ChildProcess {
  const settings = [`GRIDSPOT_DATA_DIR=${dataDir}`, "GRIDSPOT_PORT=0"];
  const node = [...settings, ...wrapper, process.execPath, PROGRAM];
  return spawn("/usr/bin/env", [...node, "exchange", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs `gridspot exchange …args` to its end. `wrapper` is a command that starts another. */
export function runToEnd(
  args: string[],
  dataDir: string,
  wrapper: string[] = [],
): Promise<ProcessEnd> {
  const child = launch(args, dataDir, wrapper);
  const end = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (part) => {
      end[name] += part;
      // It was to be refused and serves: end it, the test sees the rest.
      if (end.stdout.includes("exchange ready")) child.kill("SIGTERM");
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...end })));
}

/** Starts the exchange on a free port and resolves when it serves; rejects when it ends before. */
export function startExchange(dataDir: string): Promise<ExchangeProcess> {
  const child = launch([], dataDir, []);
  let said = "";
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`exit ${code}: ${said}`)));
    child.stderr?.on("data", (part) => {
      said += part;
    });
    child.stdout?.on("data", (part) => {
      said += part;
      const url = /"url":"([^"]+)"/.exec(said)?.[1];
      if (url === undefined) return;
      child.removeAllListeners("exit");
      resolve(processAt(child, url, dataDir));
    });
  });
}

function processAt(child: ChildProcess, url: string, dataDir: string): ExchangeProcess {
  return {
    child,
    url,
    async operator(path, body) {
      const token = readFileSync(join(dataDir, "operator.token"), "utf8").trim();
      const response = await fetch(`${url}/operator/v1/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = (await response.json()) as { data?: Record<string, unknown> };
      if (answer.data === undefined) throw new Error(`${path}: ${JSON.stringify(answer)}`);
      return answer.data;
    },
    end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
      return new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill(signal);
      });
    },
  };
}
