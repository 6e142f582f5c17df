import type http from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { BackendError } from "./backend-error.ts";
import {
  type BackendServer,
  chunk,
  sendEvents,
  startBackendServer,
  type TakenRequest,
} from "./backend-server.fixture.ts";
import { type BackendClient, createBackendClient, type Piece } from "./openai-client.ts";
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
  const reading = client.stream(BODY, new AbortController().signal, TIMEOUT_MS, (piece) => {
    pieces.push(piece);
    return null;
  });
  await expect(reading).rejects.toMatchObject({ code: "backend-failed", message: "busy" });
  expect(pieces).toEqual([]);
});

test("whoever takes the pieces may take longer than the idle time", async () => {
  await connect((_, response) => sendEvents(response, ANSWER), { idleTimeoutMs: 20 });
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 40));
  const pieces = await collectPieces(client, BODY, { timeoutMs: TIMEOUT_MS, slow });
  expect(pieces).toHaveLength(2);
});

test.each<[string, (stop: AbortController) => Promise<void> | null]>([
  [
    "aborted",
    (stop) => {
      stop.abort();
      return null;
    },
  ],
  [
    "aborted while its reader is busy",
    (stop) => new Promise(() => setImmediate(() => stop.abort())),
  ],
  [
    "left by its reader",
    () => {
      throw new BackendError("cancelled", "left");
    },
  ],
  ["left late", () => Promise.reject(new BackendError("cancelled", "left"))],
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
  const told: Piece[] = [];
  const reading = client.stream(BODY, stop.signal, TIMEOUT_MS, (piece) => {
    told.push(piece);
    return leave(stop);
  });
  await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  expect(told).toEqual([{ type: "text", text: "a" }]);
  await vi.waitFor(() => expect(closed).toBe(true));
});

test("a server whose pieces are not taken is not read, and goes on when they are", async () => {
  const word = chunk({ content: "x".repeat(1_000) });
  const words = 20_000;
  let written = 0;
  await connect((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const write = () => {
      while (written < words) {
        written += 1;
        if (!response.write(`data: ${word}\n\n`)) {
          response.once("drain", write);
          return;
        }
      }
      response.end(`data: ${chunk({}, "stop")}\n\ndata: [DONE]\n\n`);
    };
    write();
  });
  const { promise: room, resolve: makeRoom } = Promise.withResolvers<void>();
  let taken = 0;
  const reading = client.stream(BODY, new AbortController().signal, TIMEOUT_MS, () => {
    taken += 1;
    return taken === 1 ? room : null;
  });
  let before = -1;
  await vi.waitFor(() => {
    const isStill = written === before;
    before = written;
    expect(isStill && written > 0).toBe(true);
  });
  expect(taken).toBe(1);
  expect(written).toBeLessThan(words);
  makeRoom();
  expect(await reading).toMatchObject({ finishReason: "stop" });
  expect(taken).toBe(words);
});

test("what came whole before its connection broke is told to its end", async () => {
  await connect((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const events = ANSWER.map((data) => `data: ${data}\n\n`).join("");
    response.write(events, () => response.destroy());
  });
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 40));
  const pieces = await collectPieces(client, BODY, { timeoutMs: TIMEOUT_MS, slow });
  expect(pieces).toHaveLength(2);
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
const textOf = (pieces: Told[]) =>
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
