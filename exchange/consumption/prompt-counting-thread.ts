/** The thread that counts long prompts, so that one of them does not stop everybody's tokens. */
import { parentPort } from "node:worker_threads";
import { countText } from "./token-count.ts";

const port = parentPort;
if (port === null) throw new Error("prompt-counting-thread runs as a worker thread");

/** Each message is a list of texts; each answer is the sum of their tokens, in order. */
port.on("message", (texts: string[]) => {
  let tokens = 0;
  for (const text of texts) tokens += countText(text);
  port.postMessage(tokens);
});
