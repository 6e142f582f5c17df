/**
 * An inference server for tests of long streams: what it writes follows from what it was asked, it
 * writes no faster than it is read, and it says what it wrote and how each answer ended.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";

/** What the only message of a request says, as JSON. */
export interface Essay {
  id: string;
  words: number;
  /** Between two words; 0 writes as fast as it is read. */
  gapMs?: number;
}

export interface Written {
  words: number;
  /** Whether the reader keeps it waiting. */
  isStalled: boolean;
  /** When the connection went before the end, on the monotonic clock. */
  cutAtMs: number | null;
}

/** The whole answer. */
export const essayOf = ({ id, words }: Essay): string =>
  Array.from({ length: words }, (_, index) => wordOf(id, index)).join("");
/** Its place in the essay; of "letters" a letter, which is a token and no more. */
const wordOf = (id: string, index: number) =>
  id === "letters" ? ` ${String.fromCharCode(97 + (index % 26))}` : ` ${id}${index}`;
/** As long as the figures that some servers add to each chunk: it fills the buffers on the way. */
const PADDING = "x".repeat(500);

export interface EssayBackend {
  url: string;
  model: string;
  /** By the essay's id; the last of several answers. */
  readonly written: ReadonlyMap<string, Written>;
  close(): Promise<void>;
}

/** Starts the server on 127.0.0.1. Any other request gets a short essay. */
export async function startEssayBackend(): Promise<EssayBackend> {
  const written = new Map<string, Written>();
  const server = http.createServer(async (request, response) => {
    if (request.url === "/v1/models") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"object":"list","data":[{"id":"essays","object":"model"}]}');
      return;
    }
    let text = "";
    for await (const part of request) text += part;
    response.on("error", () => {});
    await answer(essayIn(text), response);
  });

  async function answer(essay: Essay, response: http.ServerResponse): Promise<void> {
    const state: Written = { words: 0, isStalled: false, cutAtMs: null };
    written.set(essay.id, state);
    response.on("close", () => {
      if (!response.writableFinished) state.cutAtMs = performance.now();
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta: object, finish: string | null) =>
      response.write(
        `data: ${JSON.stringify({ padding: PADDING, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
      );
    for (; state.words < essay.words; state.words += 1) {
      if (response.destroyed) return;
      if (!send({ content: wordOf(essay.id, state.words) }, null)) {
        state.isStalled = true;
        await new Promise<void>((resolve) => {
          response.once("drain", resolve);
          response.once("close", resolve);
        });
        state.isStalled = false;
      }
      if (essay.gapMs) await new Promise((resolve) => setTimeout(resolve, essay.gapMs));
      else if (state.words % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    send({}, "stop");
    response.end("data: [DONE]\n\n");
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model: "essays",
    written,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function essayIn(body: string): Essay {
  try {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    const essay = JSON.parse(messages[0]?.content ?? "") as Essay;
    if (typeof essay.id === "string" && typeof essay.words === "number") return essay;
  } catch {
    // A request of the agent's own measurement.
  }
  return { id: "short", words: 8 };
}
