/**
 * Starts the bundled engine: installs its own package once, on demand, and runs its server as a
 * child process. Real llama.cpp, tiny model, CPU only.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ENGINE_DIR = fileURLToPath(new URL("./engine/", import.meta.url));
const INSTALL_TIMEOUT_MS = 180_000;
const START_TIMEOUT_MS = 60_000;

export interface BundledEngine {
  url: string;
  model: string;
  close(): Promise<void>;
}

/** Installs what is missing and starts the engine. Throws, in words, where it cannot be had. */
export async function startBundledEngine(
  options: { dataDir: string },
  { say }: { say: (line: string) => void },
): Promise<BundledEngine> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`no bundled engine for ${process.platform} ${process.arch}, only linux x64`);
  }
  await install(say);
  const child = fork(
    join(ENGINE_DIR, "server.mjs"),
    [join(options.dataDir, "demo-model.gguf"), "0"],
    {
      cwd: ENGINE_DIR,
      execArgv: [],
      silent: true,
    },
  );
  const port = await portOf(child);
  return {
    url: `http://127.0.0.1:${port}`,
    model: "copycat-tiny",
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

async function install(say: (line: string) => void): Promise<void> {
  // Written by npm last, so its presence means that the install came to its end.
  if (existsSync(join(ENGINE_DIR, "node_modules", ".package-lock.json"))) return;
  say("installing the bundled engine (llama.cpp, CPU only, 85 MB): about 10 to 20 s, once …");
  const args = [
    "install",
    "--no-package-lock",
    "--ignore-scripts",
    "--omit=optional",
    "--no-audit",
  ];
  await promisify(execFile)("npm", args, { cwd: ENGINE_DIR, timeout: INSTALL_TIMEOUT_MS });
}

/** The port that the server says it listens on. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = "";
    let complaints = "";
    const fail = (reason: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`the bundled engine did not start: ${reason} ${complaints}`.trim()));
    };
    const timer = setTimeout(() => fail(`nothing in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
    child.stderr?.on("data", (part) => {
      complaints = `${complaints}${part}`.slice(-2_000);
    });
    child.once("exit", (code) => fail(`exit code ${code}`));
    child.stdout?.on("data", (part) => {
      said += part;
      const match = /\{"port":(\d+)\}/.exec(said);
      if (match === null) return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(Number(match[1]));
    });
  });
}
