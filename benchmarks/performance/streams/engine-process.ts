/**
 * One engine in a process of its own: the streams with a real core and shell, whose journal is in
 * memory, or a bare `ws` loop that sends the same texts to every client.
 */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { openBook } from "./book-script.ts";
import type { EngineName, FromEngine, ToEngine } from "./words.ts";

const TEXTS = 400;

/** Resolves when it has left the process. */
const tell = (message: FromEngine) =>
  new Promise<void>((resolve) => void process.send?.(message, () => resolve()));

/** Sends one message to all readers. */
type SendOne = () => Promise<void> | void;

async function openStreams(): Promise<SendOne> {
  const { world, change } = await openBook();
  await tell({ type: "listening", port: Number(new URL(world.url).port) });
  return change;
}

/** The texts that the streams would send, recorded from a client of them. */
async function recordTexts(): Promise<string[]> {
  const { world, change } = await openBook();
  const client = await world.connect();
  await client.subscribe({ name: "market.book", market: world.market });
  const texts: string[] = [];
  client.socket.on("message", (data) => void texts.push(data.toString()));
  await client.next("book_snapshot");
  for (let count = 0; count < TEXTS; count += 1) {
    await change();
    await client.next("book_update");
  }
  await world.close();
  return texts.filter((text) => text.includes("book_update"));
}

async function openBare(): Promise<SendOne> {
  const texts = await new Promise<string[]>((resolve) => {
    process.once("message", (message: ToEngine) => {
      if (message.type === "texts") resolve(message.texts);
    });
  });
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  server.on("listening", () => {
    void tell({ type: "listening", port: (server.address() as AddressInfo).port });
  });
  let at = 0;
  return () => {
    const text = texts[at % texts.length] as string;
    at += 1;
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text);
    }
  };
}

const role = process.argv[2] as EngineName | "recorder";
if (role === "recorder") {
  await tell({ type: "texts", texts: await recordTexts() });
  process.exit(0);
}
const sendOne = await (role === "streams" ? openStreams() : openBare());
let onGot = (): void => {};

async function round(messages: number): Promise<void> {
  const startMs = performance.now();
  const start = process.cpuUsage();
  for (let count = 0; count < messages; count += 1) {
    const got = new Promise<void>((resolve) => {
      onGot = resolve;
    });
    await sendOne();
    await got;
  }
  const { user, system } = process.cpuUsage(start);
  await tell({ type: "measured", cpuMicros: user + system, wallMs: performance.now() - startMs });
}

process.on("message", (message: ToEngine) => {
  if (message.type === "got") onGot();
  else if (message.type === "round") void round(message.messages);
  else {
    globalThis.gc?.();
    globalThis.gc?.();
    void tell({ type: "memory", bytes: process.memoryUsage().rss });
  }
});
process.on("disconnect", () => process.exit(0));
