/** One process of the exchange, from outside: what it said, where it is, how it ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KillPoint, ProcessOptions, Word } from "./exchange-words.ts";

const PROGRAM = fileURLToPath(new URL("./exchange-process.ts", import.meta.url));
/** A start, a load or a stop that takes longer has failed. */
export const PROCESS_MS_MAX = 60_000;

const COMPLAINT_CHARACTERS_MAX = 2_000;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last it wrote on stderr. */
  complaint: string;
}

export interface ExchangeChild {
  readonly words: readonly Word[];
  readonly port: number;
  readonly isReady: boolean;
  readonly hasEnded: boolean;
  /** Milliseconds from `go` to serving. */
  readonly startMs: number;
  /** Tells it to start. Resolves when it serves or has ended. */
  go(killAt: KillPoint | null): Promise<void>;
  kill(signal: "SIGKILL" | "SIGTERM"): void;
  /** Closes its stdin, at which it ends at once; reaches it through a tracer, which signals do not. */
  hangUp(): void;
  ended: Promise<Ended>;
}

/** Starts a process that loads and waits. `wrap` goes before the command, e.g. a tracer. */
export function spawnExchange(
  options: ProcessOptions,
  wrap: readonly string[] = [],
): ExchangeChild {
  const command = [
    ...wrap,
    process.execPath,
    "--import",
    import.meta.resolve("tsx"),
    PROGRAM,
    JSON.stringify(options),
  ];
  const child: ChildProcess = spawn(command[0] as string, command.slice(1), {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const words: Word[] = [];
  let port = 0;
  let wentAtMs = 0;
  let startMs = 0;
  let hasEnded = false;
  let complaint = "";
  child.stderr?.on("data", (part) => {
    complaint = `${complaint}${part}`.slice(-COMPLAINT_CHARACTERS_MAX);
  });
  let settle = () => {};
  const ended = new Promise<Ended>((resolve) => {
    // `close`, not `exit`: by then everything it said has been read.
    child.once("close", (code, signal) => {
      hasEnded = true;
      settle();
      resolve({ code, signal, complaint });
    });
  });
  child.stdin?.on("error", () => {});
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    const said = parsed(line);
    if (said.crash !== undefined) words.push(said.crash);
    if (said.url === undefined) return;
    port = Number(new URL(said.url).port);
    startMs = performance.now() - wentAtMs;
    words.push("ready");
    settle();
  });

  return {
    words,
    ended,
    get port() {
      return port;
    },
    get isReady() {
      return words.includes("ready");
    },
    get hasEnded() {
      return hasEnded;
    },
    get startMs() {
      return startMs;
    },
    async go(killAt) {
      if (hasEnded) return;
      const settled = new Promise<void>((resolve) => {
        settle = resolve;
      });
      wentAtMs = performance.now();
      child.stdin?.write(`${JSON.stringify({ killAt })}\n`);
      const watch = setTimeout(() => child.kill("SIGKILL"), PROCESS_MS_MAX);
      await settled;
      clearTimeout(watch);
    },
    kill(signal) {
      child.kill(signal);
    },
    hangUp() {
      child.stdin?.end();
    },
  };
}

function parsed(line: string): { crash?: Word; url?: string } {
  try {
    return JSON.parse(line) as { crash?: Word; url?: string };
  } catch {
    return {};
  }
}
