import type http from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import {
  type BackendServer,
  chunk,
  sendEvents,
  startBackendServer,
  type TakenRequest,
} from "./backend-server.fixture.ts";
import { type BackendClient, createBackendClient, type Piece } from "./openai-client.ts";

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

async function collect(
  signal: AbortSignal = new AbortController().signal,
  timeoutMs = TIMEOUT_MS,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of client.stream(BODY, signal, timeoutMs)) pieces.push(piece);
  return pieces;
}

test("a server that says nothing is given up after the time for the first token", async () => {
  await connect(() => {});
  await expect(collect(undefined, 30)).rejects.toMatchObject({
    code: "timeout",
    message: "the first token did not come within 30 ms",
  });
});

test("headers, a role and comments are no first token", async () => {
  await connect((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${chunk({ role: "assistant" })}\n\n`);
    const timer = setInterval(() => response.write(": ping\n\n"), 10);
    response.on("close", () => clearInterval(timer));
  });
  await expect(collect(undefined, 60)).rejects.toMatchObject({ code: "timeout" });
});

test("a stream that stalls is given up after the idle time", async () => {
  await connect(
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${chunk({ content: "a" })}\n\n`);
    },
    { idleTimeoutMs: 30 },
  );
  await expect(collect()).rejects.toMatchObject({
    code: "timeout",
    message: "the next token did not come within 30 ms",
  });
});

test("a stream that never stops is given up after the time for a whole answer", async () => {
  let closed = false;
  await connect(
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const timer = setInterval(() => response.write(`data: ${chunk({ content: "a" })}\n\n`), 5);
      response.on("close", () => {
        clearInterval(timer);
        closed = true;
      });
    },
    { answerTimeoutMs: 80 },
  );
  await expect(collect()).rejects.toMatchObject({
    code: "timeout",
    message: "the answer was not over within 80 ms",
  });
  await vi.waitFor(() => expect(closed).toBe(true));
});

test("an error inside a 200 is known before a piece of the answer is told", async () => {
  await connect((_, response) => sendEvents(response, ['{"error":{"message":"busy"}}', ...ANSWER]));
  const pieces: Piece[] = [];
  const reading = (async () => {
    for await (const piece of client.stream(BODY, new AbortController().signal, TIMEOUT_MS)) {
      pieces.push(piece);
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: "backend-failed", message: "busy" });
  expect(pieces).toEqual([]);
});

test("whoever takes the pieces may take longer than the idle time", async () => {
  await connect((_, response) => sendEvents(response, ANSWER), { idleTimeoutMs: 20 });
  const pieces: Piece[] = [];
  for await (const piece of client.stream(BODY, new AbortController().signal, TIMEOUT_MS)) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    pieces.push(piece);
  }
  expect(pieces).toHaveLength(2);
});

test.each<[string, (stop: AbortController, stream: AsyncGenerator<Piece>) => Promise<unknown>]>([
  ["aborted", async (stop) => stop.abort()],
  ["left by its reader", async (_stop, stream) => stream.return(undefined)],
])("a stream that is %s stops the server", async (_name, leave) => {
  let closed = false;
  await connect((_, response) => {
    response.on("close", () => {
      closed = true;
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${chunk({ content: "a" })}\n\n`);
  });
  const stop = new AbortController();
  const stream = client.stream(BODY, stop.signal, TIMEOUT_MS);
  expect((await stream.next()).value).toEqual({ type: "text", text: "a" });
  await leave(stop, stream);
  await vi.waitFor(() => expect(closed).toBe(true));
});

test("an abort before or while waiting is told as cancelled", async () => {
  await connect(() => {});
  const stop = new AbortController();
  const waiting = collect(stop.signal);
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  await expect(collect(stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  expect(server.requests).toHaveLength(1);
});

/** A server by hand, which says what HTTP would not let it say. */
async function rawServer(onRequest: (socket: Socket, count: number) => void): Promise<void> {
  let count = 0;
  const sockets = new Set<Socket>();
  const raw = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {
      count += 1;
      onRequest(socket, count);
    });
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(raw.address() as AddressInfo).port}`;
  server = {
    url,
    requests: [],
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => raw.close(() => resolve()));
    },
  };
  client = createBackendClient({ url, model: "m", connections: 1 });
}

const wholeAnswer = (text: string) => {
  const events = [chunk({ content: text }), chunk({}, "stop"), "[DONE]"];
  const body = events.map((data) => `data: ${data}\n\n`).join("");
  return `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
};
const textOf = (pieces: Piece[]) =>
  pieces.map((piece) => (piece.type === "text" ? piece.text : "")).join("");

test("an answer that nobody asked for is never taken for the next request's", async () => {
  await rawServer((socket, count) => {
    socket.write(wholeAnswer(`answer ${count}`));
    // A second answer, once the first is read and its connection is idle.
    if (count === 1) setTimeout(() => socket.write(wholeAnswer("stale")), 20);
  });
  expect(textOf(await collect())).toBe("answer 1");
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(textOf(await collect())).toBe("answer 2");
});

test("the late answer of a request that was given up is never taken for the next request's", async () => {
  await rawServer((socket, count) => {
    if (count === 1) setTimeout(() => socket.write(wholeAnswer("late")), 60);
    else socket.write(wholeAnswer(`answer ${count}`));
  });
  await expect(collect(undefined, 20)).rejects.toMatchObject({ code: "timeout" });
  const next = collect();
  expect(textOf(await next)).toBe("answer 2");
});
