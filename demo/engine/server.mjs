/**
 * The bundled engine: an OpenAI-shaped server on llama.cpp. `node server.mjs <model> <port>`; writes
 * the model when it is missing, prints `{"port": n}` when it listens, stops on SIGTERM.
 */
import { existsSync, renameSync } from "node:fs";
import http from "node:http";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { writeModel } from "./model.mjs";

const MODEL = "copycat-tiny";
const CONTEXT_TOKENS = 8192;
const SLOTS = 2;
const OUTPUT_TOKENS_DEFAULT = 256;
/** Requests that may wait for a slot. */
const WAITING_MAX = 32;
const BODY_BYTES_MAX = 1024 * 1024;

const [file, port = "0"] = process.argv.slice(2);
if (!existsSync(file)) {
  writeModel(`${file}.new`);
  renameSync(`${file}.new`, file);
}
// One thread: spinning barriers on busy cores made two threads up to 75 times slower.
const llama = await getLlama({
  gpu: false,
  build: "never",
  logLevel: LlamaLogLevel.error,
  maxThreads: 1,
});
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({
  contextSize: CONTEXT_TOKENS,
  sequences: SLOTS,
  threads: 1,
});
const free = Array.from({ length: SLOTS }, () => context.getSequence());
const waiting = [];

function acquire() {
  if (free.length > 0) return free.pop();
  return new Promise((resolve) => waiting.push(resolve));
}

function release(sequence) {
  const next = waiting.shift();
  if (next) next(sequence);
  else free.push(sequence);
}

function textOf(messages) {
  const text = (content) =>
    typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
  return messages.map((message) => text(message.content)).join("\n");
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function readJson(request) {
  let text = "";
  for await (const part of request) {
    text += part;
    if (text.length > BODY_BYTES_MAX) throw new Error("the body is too large");
  }
  return JSON.parse(text);
}

/** Yields pieces of text until the end of the answer; the last yield carries the finish reason. */
async function* generate(tokens, body, maxTokens, isOver) {
  const sequence = await acquire();
  try {
    await sequence.clearHistory();
    let pending = [];
    let count = 0;
    const options = { temperature: body.temperature ?? 0, seed: body.seed, yieldEogToken: true };
    for await (const token of sequence.evaluate(tokens, options)) {
      if (isOver()) return;
      if (model.isEogToken(token)) {
        yield { finish: "stop", count };
        return;
      }
      count += 1;
      pending.push(token);
      const text = model.detokenize(pending);
      // A character may be split over tokens: wait until it is whole.
      if (!text.endsWith("\uFFFD") || pending.length > 3) {
        pending = [];
        yield { text, count };
      }
      if (count >= maxTokens) break;
    }
    yield { finish: "length", count };
  } finally {
    release(sequence);
  }
}

async function chat(request, response) {
  const body = await readJson(request);
  const tokens = model.tokenize(textOf(body.messages));
  if (tokens.length >= CONTEXT_TOKENS) {
    const message = `the request has ${tokens.length} tokens, the context ${CONTEXT_TOKENS}`;
    return send(response, 400, { error: { message, type: "exceed_context_size_error" } });
  }
  if (waiting.length >= WAITING_MAX) {
    return send(response, 503, { error: { message: "every slot is taken" } });
  }
  const asked = body.max_completion_tokens ?? body.max_tokens ?? OUTPUT_TOKENS_DEFAULT;
  const maxTokens = Math.min(asked, CONTEXT_TOKENS - tokens.length);
  const base = {
    id: `chatcmpl-${Date.now().toString(36)}`,
    object: body.stream ? "chat.completion.chunk" : "chat.completion",
    created: Math.floor(Date.now() / 1000),
    model: MODEL,
  };
  const event = (value) => response.write(`data: ${JSON.stringify({ ...base, ...value })}\n\n`);
  const delta = (fields, finish) =>
    event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] });
  let text = "";
  let finish = "stop";
  let count = 0;
  if (body.stream) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    delta({ role: "assistant", content: "" }, null);
  }
  for await (const piece of generate(tokens, body, maxTokens, () => response.destroyed)) {
    count = piece.count;
    if (piece.finish) finish = piece.finish;
    else if (body.stream) delta({ content: piece.text }, null);
    else text += piece.text;
  }
  const usage = {
    prompt_tokens: tokens.length,
    completion_tokens: count,
    total_tokens: tokens.length + count,
  };
  if (!body.stream) {
    const message = { role: "assistant", content: text };
    return send(response, 200, {
      ...base,
      choices: [{ index: 0, message, finish_reason: finish }],
      usage,
    });
  }
  delta({}, finish);
  if (body.stream_options?.include_usage) event({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

const server = http.createServer((request, response) => {
  if (request.url === "/health") send(response, 200, { status: "ok" });
  else if (request.url === "/v1/models") {
    const row = {
      id: MODEL,
      object: "model",
      owned_by: "gridspot-demo",
      max_model_len: CONTEXT_TOKENS,
    };
    send(response, 200, { object: "list", data: [row] });
  } else if (request.url === "/v1/chat/completions" && request.method === "POST") {
    chat(request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else send(response, 500, { error: { message: String(error.message) } });
    });
  } else send(response, 404, { error: { message: "not found" } });
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
process.on("SIGTERM", () => process.exit(0));
// The demo that started it is gone: so is the reason to be here.
process.on("disconnect", () => process.exit(0));
