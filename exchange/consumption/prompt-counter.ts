/** Counting prompts: short ones at once, long ones in a thread of their own with a bounded queue. */
import { Worker } from "node:worker_threads";
import { typeScriptFlags } from "#exchange/typescript-flags.ts";
import { countText } from "./token-count.ts";

/** Characters that are counted on the event loop; about 6 ms of ordinary text. */
const INLINE_CHARACTERS_MAX = 64 * 1024;
/** Long prompts that may wait for the thread. */
const PROMPTS_WAITING_MAX = 64;

export interface PromptCounter {
  /** Reference tokens of the texts together; null when too many long prompts are waiting. */
  count(texts: readonly string[]): Promise<number | null>;
  close(): Promise<void>;
}

/** Builds the counter; its thread starts with the first long prompt. */
export function createPromptCounter(): PromptCounter {
  let worker: Worker | null = null;
  let waiting: { resolve: (tokens: number) => void; reject: (error: Error) => void }[] = [];

  function start(): Worker {
    const started = new Worker(new URL("./prompt-counting-thread.ts", import.meta.url), {
      execArgv: typeScriptFlags(),
    });
    // The thread alone must not keep the process alive; a waiting prompt does, through its socket.
    started.unref();
    started.on("message", (tokens: number) => waiting.shift()?.resolve(tokens));
    const failed = (error: Error) => {
      if (worker === started) worker = null;
      const lost = waiting;
      waiting = [];
      for (const { reject } of lost) reject(error);
    };
    started.on("error", failed);
    started.on("exit", () => {
      if (worker === started) failed(new Error("the thread that counts prompts ended"));
    });
    return started;
  }

  return {
    async count(texts) {
      let characters = 0;
      for (const text of texts) characters += text.length;
      if (characters <= INLINE_CHARACTERS_MAX) {
        return texts.reduce((tokens, text) => tokens + countText(text), 0);
      }
      if (waiting.length >= PROMPTS_WAITING_MAX) return null;
      worker ??= start();
      worker.postMessage(texts);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    async close() {
      await worker?.terminate();
    },
  };
}
