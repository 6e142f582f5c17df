/** An HTTP server that answers as a test says, for what no well-behaved inference server would do. */
import http from "node:http";
import type { AddressInfo } from "node:net";

/** What came with a request that was read to its end. */
export interface TakenRequest {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface BackendServer {
  url: string;
  readonly requests: TakenRequest[];
  close(): Promise<void>;
}

/** Starts it on a free port; `answer` is called once the request is there. */
export async function startBackendServer(
  answer: (request: TakenRequest, response: http.ServerResponse) => void,
): Promise<BackendServer> {
  const requests: TakenRequest[] = [];
  const server = http.createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString("utf8");
    const taken = { path: request.url ?? "", headers: request.headers, body };
    requests.push(taken);
    answer(taken, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers with a whole event stream. */
export function sendEvents(response: http.ServerResponse, events: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(events.map((data) => `data: ${data}\n\n`).join(""));
}

/** A chunk of choice 0. */
export function chunk(delta: object, finishReason: string | null = null): string {
  return JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
}
