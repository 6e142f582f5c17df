/**
 * A scripted stand-in for an inference server: OpenAI-shaped, repeats what it was asked, fails on
 * command. It is not a model and says so in every answer's `model`.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";

/** How the next requests end; `none` serves them. */
export type ScriptedFailure =
  | "none"
  | "status-500"
  | "status-400"
  | "cut-before-first-byte"
  | "hold-after-two-chunks"
  | "error-inside-200"
  | "hang";

export interface ScriptedBackend {
  url: string;
  model: string;
  /** Requests that came, and those whose client went away before the end. */
  readonly requests: number;
  readonly aborted: number;
  failWith(failure: ScriptedFailure): void;
  /** Breaks off the answers that are held. */
  cutHeld(): void;
  close(): Promise<void>;
}

export interface ScriptedBackendOptions {
  port?: number;
  /** Words per answer at most, whatever the request allows. */
  wordsMax?: number;
  /** Pause before each word. */
  wordMs?: number;
}

/** Starts the backend on 127.0.0.1. */
export async function startScriptedBackend(
  options: ScriptedBackendOptions = {},
): Promise<ScriptedBackend> {
  const model = "scripted";
  let requests = 0;
  let aborted = 0;
  let failure: ScriptedFailure = "none";
  const held = new Set<http.ServerResponse>();

  const server = http.createServer((request, response) => {
    if (request.url === "/v1/models") {
      sendJson(response, 200, { object: "list", data: [{ id: model, object: "model" }] });
      return;
    }
    requests += 1;
    response.on("close", () => {
      if (!response.writableFinished) aborted += 1;
    });
    let text = "";
    request.on("data", (part) => {
      text += part;
    });
    request.on("end", () => void answer(JSON.parse(text), response));
  });

  async function answer(body: ChatBody, response: http.ServerResponse): Promise<void> {
    if (failure === "hang") return;
    if (failure === "status-500")
      return sendJson(response, 500, { error: { message: "scripted 500" } });
    if (failure === "status-400")
      return sendJson(response, 400, { error: { message: "scripted 400" } });
    if (failure === "cut-before-first-byte") return void response.destroy();
    const wordsMax = Math.min(options.wordsMax ?? 64, body.max_tokens ?? 64);
    const last = body.messages.at(-1)?.content ?? "";
    const source = `You said: ${typeof last === "string" ? last : JSON.stringify(last)}`;
    const words = source.split(/(?<=\s)/).slice(0, wordsMax);
    const finish = words.join("") === source ? "stop" : "length";
    const usage = {
      prompt_tokens: 1,
      completion_tokens: words.length,
      total_tokens: 1 + words.length,
    };
    if (!body.stream) {
      const message = { role: "assistant", content: words.join("") };
      const choices = [{ index: 0, message, finish_reason: finish }];
      return sendJson(response, 200, {
        id: "scripted",
        object: "chat.completion",
        model,
        choices,
        usage,
      });
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (value: object) => response.write(`data: ${JSON.stringify(value)}\n\n`);
    const chunk = (delta: object, reason: string | null) =>
      send({
        object: "chat.completion.chunk",
        model,
        choices: [{ index: 0, delta, finish_reason: reason }],
      });
    if (failure === "error-inside-200") {
      send({ error: { message: "scripted error inside a 200" } });
      return void response.end();
    }
    chunk({ role: "assistant" }, null);
    for (const [index, word] of words.entries()) {
      if (options.wordMs) await new Promise((resolve) => setTimeout(resolve, options.wordMs));
      if (response.destroyed) return;
      if (failure === "hold-after-two-chunks" && index === 2) return void held.add(response);
      chunk({ content: word }, null);
    }
    chunk({}, finish);
    send({ object: "chat.completion.chunk", model, choices: [], usage });
    response.end("data: [DONE]\n\n");
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    model,
    get requests() {
      return requests;
    },
    get aborted() {
      return aborted;
    },
    failWith(next) {
      failure = next;
    },
    cutHeld() {
      for (const response of held) response.destroy();
      held.clear();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

interface ChatBody {
  messages: { content?: unknown }[];
  max_tokens?: number;
  stream?: boolean;
}

function sendJson(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
