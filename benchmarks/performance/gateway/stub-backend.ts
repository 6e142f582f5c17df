/**
 * The stub behind the gateway benchmark, called what it is: streams fixed words on a schedule that
 * the request names, `stub-t<first token ms>-n<deltas>-g<gap ms>`, as fast as asked.
 */
import http from "node:http";

/** Reads the schedule of a request's last message; the default suits the agent's measurement. */
function scheduleOf(body: string): { firstMs: number; deltas: number; gapMs: number } {
  const match = /stub-t(\d+)-n(\d+)-g(\d+)/.exec(body);
  const [firstMs = 20, deltas = 32, gapMs = 0] = (match?.slice(1) ?? []).map(Number);
  return { firstMs, deltas, gapMs };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const head = '{"id":"stub","object":"chat.completion.chunk","created":0,"model":"stub","choices":';

async function answer(body: string, response: http.ServerResponse): Promise<void> {
  const { firstMs, deltas, gapMs } = scheduleOf(body);
  await wait(firstMs);
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let index = 0; index < deltas && !response.destroyed; index += 1) {
    const taken = response.write(
      `data: ${head}[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n`,
    );
    if (gapMs > 0) await wait(gapMs);
    else if (!taken) await new Promise((resolve) => response.once("drain", resolve));
    // Each delta leaves as a piece of its own, as an engine's would.
    else await new Promise((resolve) => setImmediate(resolve));
  }
  response.write(`data: ${head}[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`);
  response.end("data: [DONE]\n\n");
}

const server = http.createServer((request, response) => {
  if (request.url === "/v1/models") {
    response.setHeader("content-type", "application/json");
    response.end('{"object":"list","data":[{"id":"stub","object":"model"}]}');
    return;
  }
  let body = "";
  request.on("data", (part) => {
    body += part;
  });
  request.on("end", () => void answer(body, response));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`{"port":${typeof address === "object" ? address?.port : 0}}\n`);
});
