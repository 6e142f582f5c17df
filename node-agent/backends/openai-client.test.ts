import type http from "node:http";
import { afterEach, expect, test } from "vitest";
import {
  type BackendServer,
  chunk,
  sendEvents,
  startBackendServer,
  type TakenRequest,
} from "./backend-server.fixture.ts";
import { type BackendClient, createBackendClient } from "./openai-client.ts";
import { collectPieces, type Told } from "./pieces.fixture.ts";

const TIMEOUT_MS = 5_000;
const ANSWER = [
  chunk({ role: "assistant" }),
  chunk({ content: "hi" }),
  chunk({}, "stop"),
  "[DONE]",
];
const BODY = { model: "m", stream: true, messages: [] };

let server: BackendServer;
let client: BackendClient;
afterEach(async () => {
  await client.close();
  await server.close();
});

async function connect(
  answer: (request: TakenRequest, response: http.ServerResponse) => void,
  options: {
    path?: string;
    apiKey?: string;
    idleTimeoutMs?: number;
    answerTimeoutMs?: number;
    connections?: number;
  } = {},
): Promise<void> {
  const { path = "", ...rest } = options;
  server = await startBackendServer(answer);
  client = createBackendClient({ url: server.url + path, model: "m", connections: 2, ...rest });
}

const collect = (signal?: AbortSignal, timeoutMs = TIMEOUT_MS): Promise<Told[]> =>
  collectPieces(client, BODY, { ...(signal && { signal }), timeoutMs });

const json = (status: number, body: string) => (_: TakenRequest, response: http.ServerResponse) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body);
};

test("a streamed answer comes in pieces, asked for with the key and the exact body", async () => {
  await connect((_, response) => sendEvents(response, ANSWER), { apiKey: "secret" });
  const finish = { finishReason: "stop", promptTokens: null, completionTokens: null };
  expect(await collect()).toEqual([
    { type: "text", text: "hi" },
    { type: "finish", ...finish },
  ]);
  const [request] = server.requests;
  expect(request).toMatchObject({ path: "/v1/chat/completions", body: JSON.stringify(BODY) });
  expect(request?.headers.authorization).toBe("Bearer secret");
});

test("a server below a path is asked below that path", async () => {
  await connect((_, response) => sendEvents(response, ANSWER), { path: "/llm/" });
  await collect();
  expect(server.requests[0]?.path).toBe("/llm/v1/chat/completions");
});

test("a server that closes its connection behind each answer serves one after another", async () => {
  await connect((_, response) => {
    sendEvents(response, ANSWER);
    response.socket?.end();
  });
  for (let i = 0; i < 5; i += 1) expect(await collect()).toHaveLength(2);
});

test("a kept connection that the server closes meets one further try, a new one none", async () => {
  const used = new Set<object | null>();
  let cutsAll = false;
  await connect(
    (_, response) => {
      if (cutsAll || used.has(response.socket)) response.destroy();
      else sendEvents(response, ANSWER);
      used.add(response.socket);
    },
    { connections: 1 },
  );
  await collect();
  expect(await collect()).toHaveLength(2);
  expect(server.requests).toHaveLength(3);
  cutsAll = true;
  await expect(collect()).rejects.toMatchObject({ code: "backend-unreachable" });
  expect(server.requests).toHaveLength(5);
});

test("a stream is over at [DONE], and its connection is used again when the body ends later", async () => {
  const ports = new Set<number | undefined>();
  let endBody: () => void = () => {};
  await connect(
    (_, response) => {
      ports.add(response.socket?.remotePort);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(ANSWER.map((data) => `data: ${data}\n\n`).join(""));
      endBody = () => response.end();
    },
    { connections: 1 },
  );
  expect(await collect()).toHaveLength(2);
  const next = collect();
  endBody();
  expect(await next).toHaveLength(2);
  expect(ports.size).toBe(1);
  endBody();
});

test("the bytes of an answer that is not streamed are handed on as they came", async () => {
  const body = `{"choices":[{"message":{"content":"hi"},"finish_reason":"length"}],  "usage":{"prompt_tokens":3,"completion_tokens":1}}`;
  await connect(json(200, body));
  const answer = await client.complete(BODY, new AbortController().signal, TIMEOUT_MS);
  expect(answer.body.toString()).toBe(body);
  expect(answer).toMatchObject({ finishReason: "length", promptTokens: 3, completionTokens: 1 });
});

test.each<[string, (request: TakenRequest, response: http.ServerResponse) => void, object]>([
  [
    "a refusal",
    json(400, '{"error":{"message":"too long"}}'),
    { code: "backend-refused", status: 400, message: "too long" },
  ],
  [
    "a refusal for load",
    json(429, '{"error":{"message":"busy"}}'),
    { code: "backend-refused", status: 429 },
  ],
  ["a failure", json(502, "bad gateway"), { code: "backend-failed", status: 502 }],
  ["a redirect", json(307, ""), { code: "backend-failed", status: 307 }],
  [
    "an error in place of a stream",
    json(200, '{"error":{"message":"no memory"}}'),
    { code: "backend-failed", message: "no memory" },
  ],
  [
    "a page in place of a stream",
    (_, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end("<html>Welcome</html>");
    },
    {
      code: "backend-failed",
      message: "the backend answered text/html; charset=utf-8 in place of a stream",
    },
  ],
  [
    "an answer to another request",
    (_, response) => {
      response.setHeader("x-request-id", "gridspot-of-another");
      sendEvents(response, ANSWER);
    },
    { code: "backend-stream-broken", message: "the backend answered another request" },
  ],
  ["an answer in place of a stream", json(200, '{"choices":[]}'), { code: "backend-failed" }],
  [
    "an error inside a stream",
    (_, response) => sendEvents(response, [chunk({ content: "a" }), '{"error":"lost"}']),
    { code: "backend-failed", message: "lost" },
  ],
  [
    "a cut before the first byte",
    (_, response) => response.destroy(),
    { code: "backend-unreachable" },
  ],
  [
    "a cut within the stream",
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${chunk({ content: "a" })}\n\n`, () => response.destroy());
    },
    { code: "backend-stream-broken" },
  ],
  [
    "a stream without an end",
    (_, response) => sendEvents(response, [chunk({ content: "a" })]),
    { code: "backend-stream-broken" },
  ],
])("%s is told by its code", async (_name, answer, error) => {
  await connect(answer);
  await expect(collect()).rejects.toMatchObject(error);
});

test("a server that is not there is told as unreachable", async () => {
  await connect(() => {});
  await server.close();
  await expect(collect()).rejects.toMatchObject({ code: "backend-unreachable" });
});

test.each<[string, string, object]>([
  ["an error inside a 200", '{"error":{"message":"no memory"}}', { code: "backend-failed" }],
  ["no choices", '{"object":"chat.completion"}', { code: "backend-failed" }],
  ["no JSON", "hello", { code: "backend-stream-broken" }],
])("of an answer that is not streamed, %s is told", async (_name, body, error) => {
  await connect(json(200, body));
  const call = client.complete(BODY, new AbortController().signal, TIMEOUT_MS);
  await expect(call).rejects.toMatchObject(error);
});
