/** Compiles the stub backend and the load generator, which are in C so that neither is what is measured. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasProgram } from "./processes.ts";

const sources = fileURLToPath(new URL("./native/", import.meta.url));
const built = fileURLToPath(new URL("./native/built/", import.meta.url));

export interface NativePrograms {
  stubBackend: string;
  loadGenerator: string;
}

/** Why the programs cannot be compiled here, or null. */
export function compilerProblem(): string | null {
  if (hasProgram("cc")) return null;
  return "the stub backend and the load generator are C programs and no `cc` is here; install a C compiler (Debian: apt-get install gcc libc6-dev)";
}

/** Compiles what is missing or older than its sources. Throws with the compiler's words. */
export function compilePrograms(): NativePrograms {
  mkdirSync(built, { recursive: true });
  const newest = Math.max(
    ...readdirSync(sources)
      .filter((name) => /\.[ch]$/.test(name))
      .map((name) => statSync(sources + name).mtimeMs),
  );
  const compile = (name: string): string => {
    const program = built + name;
    const made = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (made < newest) {
      execFileSync("cc", ["-O2", "-Wall", "-o", program, `${sources}${name}.c`, "-lm"], {
        stdio: ["ignore", "inherit", "inherit"],
      });
    }
    return program;
  };
  return { stubBackend: compile("stub-backend"), loadGenerator: compile("load-generator") };
}
