/** What is larger than a message of the link may be passes it in pieces: a request, and a whole answer. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { expect, test } from "vitest";
import { chunk, sendEvents, startBackendServer } from "#agent/backends/backend-server.fixture.ts";
import { quietSla } from "#exchange/core/core.fixture.ts";
import { LINK_MESSAGE_BYTES_MAX } from "#protocol/link-records.ts";
import { castOf, startNode, startWorld } from "./world.ts";

const SYMBOL = "text-max";
const PROMPT = "word ".repeat((1.2 * LINK_MESSAGE_BYTES_MAX) / 5);
/** Beside the text, which would cost as many tokens. */
const PADDING = "x".repeat(1.5 * LINK_MESSAGE_BYTES_MAX);
const ANSWER = {
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "Long." },
      logprobs: { content: [], padding: PADDING },
      finish_reason: "stop",
    },
  ],
};
const log = pino({ level: process.env.LOG ?? "silent" });

test("a request and a whole answer over a MiB arrive as they were sent", async () => {
  const dir = mkdtempSync(join(tmpdir(), "gridspot-large-"));
  const backend = await startBackendServer(({ body }, response) => {
    if (JSON.parse(body).stream) {
      const words = Array.from({ length: 40 }, (_, index) => chunk({ content: ` w${index}` }));
      sendEvents(response, [...words, chunk({}, "stop"), "[DONE]"]);
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(ANSWER));
    }
  });
  const world = await startWorld({ dataDir: dir, port: 0, sla: quietSla }, { log });
  const { joinToken, buyer } = await castOf(world, dir);
  const agent = await startNode(
    {
      ...{ dataDir: join(dir, "node"), name: "sam-1", exchangeUrl: world.url, joinToken },
      backend: { url: backend.url, model: "m" },
      ...{ symbol: SYMBOL, price: "0.50", quantity: "2", slots: 2 },
    },
    { log },
  );
  const messages = [{ role: "user", content: PROMPT }];
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${buyer.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: SYMBOL, max_tokens: 50, messages }),
  });
  const answer = (await response.json()) as Partial<typeof ANSWER>;
  expect(response.status).toBe(200);
  expect(isDeepStrictEqual(answer.choices, ANSWER.choices)).toBe(true);
  const asked = JSON.parse(backend.requests.at(-1)?.body ?? "{}");
  expect(asked.messages[0].content === PROMPT).toBe(true);
  await agent.drain("over");
  await world.close();
  await backend.close();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);
