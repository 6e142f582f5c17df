/** The harness's handle on a fake of a GPU: told to fail, killed, and started again at the same port. */
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "./child-process.ts";
import type { Fault, GpuOrder, GpuWord } from "./gpu-words.ts";

const PROGRAM = fileURLToPath(new URL("./fake-gpu-process.ts", import.meta.url));

export interface FakeGpu {
  readonly url: string;
  readonly isUp: boolean;
  /** Requests of the market that came, by how they were treated, over all its lives. */
  asked(fault: Fault): number;
  /** Requests that it answered to the end. */
  readonly answered: number;
  /** Takes effect for requests that come from when `fault` reads the same. */
  failWith(fault: Fault): void;
  readonly fault: Fault;
  kill(): Promise<void>;
  start(): void;
}

/** Starts it at a free port; wait for `isUp`. */
export function createFakeGpu(): FakeGpu {
  let port = 0;
  let answered = 0;
  let isUp = false;
  let fault: Fault = "none";
  let child: Child;
  const asked = new Map<Fault, number>();

  function start(): void {
    fault = "none";
    child = startChild(PROGRAM, [String(port)], (line) => {
      const word = line as unknown as GpuWord;
      if ("port" in word) {
        port = word.port;
        isUp = true;
      } else if ("took" in word) fault = word.took;
      else if ("asked" in word) asked.set(word.asked, (asked.get(word.asked) ?? 0) + 1);
      else answered += 1;
    });
  }
  start();

  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get isUp() {
      return isUp;
    },
    get answered() {
      return answered;
    },
    get fault() {
      return fault;
    },
    asked: (how) => asked.get(how) ?? 0,
    failWith: (next) => child.tell({ fault: next } satisfies GpuOrder),
    async kill() {
      await child.kill();
      isUp = false;
    },
    start,
  };
}
