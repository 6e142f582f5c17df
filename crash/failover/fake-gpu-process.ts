/**
 * A fake of a GPU, as a process of its own: OpenAI-shaped, streams numbered words, and fails the way a
 * machine does when it is told to. Takes its port as an argument and `GpuOrder` lines on stdin, says
 * `GpuWord` lines on stdout. Nothing here computes anything, and its model is called that.
 */
import { writeSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import type { Fault, GpuOrder, GpuWord } from "./gpu-words.ts";
import { answerWords, readQuestion } from "./numbered-answer.ts";

const MODEL = "fake-gpu";
const FIRST_WORD_MS_MAX = 60;
const WORD_MS = 4;
const DRIP_MS = 120;
/** Words after which a cut stream breaks off. */
const WORDS_BEFORE_CUT = 3;
/** What the agent's own measurement gets, at once. */
const MEASURED_WORDS = 48;

let fault: Fault = "none";
const say = (word: GpuWord) => writeSync(1, `${JSON.stringify(word)}\n`);

interface ChatBody {
  messages: { content?: unknown }[];
  max_tokens?: number;
  stream?: boolean;
}

async function answer(body: ChatBody, response: http.ServerResponse): Promise<void> {
  const question = readQuestion(String(body.messages.at(-1)?.content ?? ""));
  const met = fault;
  // A measurement is none of the market's requests: it is neither counted nor slowed.
  if (question !== null) {
    say({ asked: met });
    await pause(Math.random() * FIRST_WORD_MS_MAX);
  }
  if (met === "hang") return;
  if (met === "status-500") {
    json(response, 500, { error: { message: "the fake GPU was told to fail" } });
    return;
  }
  if (met === "cut-early") {
    response.destroy();
    return;
  }
  const wordsMax = body.max_tokens ?? MEASURED_WORDS;
  const all = question === null ? ["word ".repeat(MEASURED_WORDS)] : answerWords(question);
  const words = all.slice(0, wordsMax);
  const finish = words.length < all.length ? "length" : "stop";
  const usage = { prompt_tokens: 1, completion_tokens: words.length };
  const stream = body.stream === true;
  const send = (value: object) => response.write(`data: ${JSON.stringify(value)}\n\n`);
  const chunk = (delta: object, finish_reason: string | null) =>
    send({
      object: "chat.completion.chunk",
      model: MODEL,
      choices: [choice({ delta }, finish_reason)],
    });
  if (stream) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const [at, word] of words.entries()) {
    if (question !== null) await pause(met === "drip" ? DRIP_MS : WORD_MS);
    if (response.destroyed) return;
    if (met === "cut" && at === WORDS_BEFORE_CUT) {
      response.destroy();
      return;
    }
    if (stream) chunk({ content: word }, null);
  }
  if (stream) {
    chunk({}, finish);
    send({ object: "chat.completion.chunk", model: MODEL, choices: [], usage });
    response.end("data: [DONE]\n\n");
  } else {
    const message = { role: "assistant", content: words.join("") };
    const choices = [choice({ message }, finish)];
    json(response, 200, { id: MODEL, object: "chat.completion", model: MODEL, choices, usage });
  }
  if (question !== null) say({ answered: question.name });
}

const choice = (content: object, finish_reason: string | null) => ({
  index: 0,
  ...content,
  finish_reason,
});

function json(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const server = http.createServer((request, response) => {
  if (request.method === "GET") {
    const found = request.url === "/v1/models";
    json(response, found ? 200 : 404, { object: "list", data: [{ id: MODEL, object: "model" }] });
    return;
  }
  let text = "";
  request.on("data", (part) => {
    text += part;
  });
  request.on("end", () => void answer(JSON.parse(text) as ChatBody, response));
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  say({ port: (server.address() as AddressInfo).port });
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    fault = (JSON.parse(line) as GpuOrder).fault;
    say({ took: fault });
  })
  // Nobody is left to kill it: it must not outlive the harness.
  .on("close", () => process.exit(0));
