/** The event stream over a real socket, read byte by byte as a client of HTTP reads it. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createHttpServer } from "#exchange/http-server.ts";
import { EventStream } from "./sse.ts";

const HEAD = { id: "chatcmpl-1", created: 1, model: "text-lite", includeUsage: false };
const TEXTS = ["Hello ", "wörld", " 🦉", "\n"];

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Sends each text in a turn of its own, so that each is a write. */
async function startServer(): Promise<number> {
  const server = createHttpServer((_request, response) => {
    response.writeHead(200, ["content-type", "text/event-stream"]);
    const stream = new EventStream(response, HEAD);
    const texts = [...TEXTS];
    const next = () => {
      const text = texts.shift();
      if (text === undefined) stream.done();
      else {
        stream.delta(text);
        setImmediate(next);
      }
    };
    next();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends a request as it stands and reads until the server closes. */
async function exchangeBytes(request: string): Promise<Buffer> {
  const socket = connect(await startServer(), "127.0.0.1");
  open.push(() => socket.destroy());
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(parts);
}

/** Takes one answer in chunked coding off the front. */
function takeAnswer(bytes: Buffer): { text: string; rest: Buffer } {
  let at = bytes.indexOf("\r\n\r\n") + 4;
  expect(bytes.subarray(0, at).toString().toLowerCase()).toContain("transfer-encoding: chunked");
  const chunks: Buffer[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    const end = lineEnd + 2 + length;
    expect(bytes.subarray(end, end + 2).toString()).toBe("\r\n");
    at = end + 2;
    if (length === 0) return { text: Buffer.concat(chunks).toString(), rest: bytes.subarray(at) };
    chunks.push(bytes.subarray(lineEnd + 2, end));
  }
}

function contentOf(events: string): string {
  const lines = events.split("\n\n").filter((line) => line !== "");
  expect(lines.pop()).toBe("data: [DONE]");
  return lines
    .map((line) => JSON.parse(line.slice("data: ".length)).choices[0].delta.content)
    .join("");
}

test("chunks are framed by their bytes, and the connection serves the next request", async () => {
  const get = "GET / HTTP/1.1\r\nhost: x\r\n";
  const bytes = await exchangeBytes(`${get}\r\n${get}connection: close\r\n\r\n`);
  const first = takeAnswer(bytes);
  const second = takeAnswer(first.rest);
  expect(contentOf(first.text)).toBe(TEXTS.join(""));
  expect(contentOf(second.text)).toBe(TEXTS.join(""));
  expect(second.rest.length).toBe(0);
});

test("a client of HTTP/1.0 gets the events without frames", async () => {
  const answer = (await exchangeBytes("GET / HTTP/1.0\r\n\r\n")).toString();
  const [head = "", ...body] = answer.split("\r\n\r\n");
  expect(head.toLowerCase()).not.toContain("transfer-encoding");
  expect(contentOf(body.join("\r\n\r\n"))).toBe(TEXTS.join(""));
});
