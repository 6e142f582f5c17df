/** `npm start`, by bin/demo.js: the whole market in one process. Prints how to use it; Ctrl-C stops it in order. */
import { resolve } from "node:path";
import { pino } from "pino";
import { findDemoBackend } from "./backend.ts";
import { castOf, startNode, startWorld } from "./world.ts";

const PRICE = "0.50";
const QUANTITY = "1";
const SLOTS = 2;

const say = (line: string) => console.log(line);

async function main(): Promise<() => Promise<void>> {
  const dataDir = resolve(process.env.GRIDSPOT_DATA_DIR ?? "data");
  const port = Number(process.env.GRIDSPOT_PORT ?? "8080");
  const log = pino({ level: process.env.GRIDSPOT_LOG_LEVEL ?? "warn" });
  say("gridspot: starting the exchange …");
  const world = await startWorld({ dataDir, port }, { log });
  const cast = await castOf(world, dataDir);
  const backend = await findDemoBackend(
    {
      dataDir,
      backendUrl: process.env.BACKEND_URL,
      apiKey: process.env.BACKEND_API_KEY,
      exchangePort: port,
    },
    { say },
  );
  say(`backend: ${backend.description}`);
  const symbol = backend.isReal ? "text-lite" : "text-demo";
  say(`measuring it and placing an ask of ${QUANTITY} Unit of ${symbol} at $${PRICE} …`);
  const agent = await startNode(
    {
      dataDir: resolve(dataDir, "node"),
      name: "sam-1",
      exchangeUrl: world.url,
      joinToken: cast.joinToken,
      backend,
      symbol,
      price: PRICE,
      quantity: QUANTITY,
      slots: SLOTS,
    },
    { log },
  );
  await showMarket(world.url, symbol, cast.buyer.apiKey);
  return async () => {
    await agent.drain("stopped by the operator");
    await world.close();
    await backend.close();
  };
}

interface BookLevel {
  price: string;
  quantity: string;
}

async function showMarket(url: string, symbol: string, apiKey: string): Promise<void> {
  const response = await fetch(`${url}/v1/markets/${symbol}/orderbook`);
  const { data } = (await response.json()) as { data: { asks: BookLevel[]; bids: BookLevel[] } };
  const rows = (levels: BookLevel[]) =>
    levels.map((level) => `${level.quantity} Unit at $${level.price}`).join(", ") || "none";
  say(`
exchange  ${url}
book      ${symbol}: asks ${rows(data.asks)}; bids ${rows(data.bids)}

try it:
  curl -N ${url}/v1/chat/completions -H "authorization: Bearer ${apiKey}" \\
    -H "content-type: application/json" \\
    -d '{"model":"${symbol}","stream":true,"max_tokens":40,"messages":[{"role":"user","content":"the quick brown fox jumps over the lazy dog. the quick brown fox"}]}'

or with the OpenAI SDK (npm install openai):
  import OpenAI from "openai";
  const openai = new OpenAI({ baseURL: "${url}/v1", apiKey: "${apiKey}" });
  const answer = await openai.chat.completions.create({
    model: "${symbol}", max_tokens: 40,
    messages: [{ role: "user", content: "one two three four five six. one two three four" }],
  });
  console.log(answer.choices[0].message.content, answer.usage);

Ctrl-C stops; the next start resumes every balance, order and Lot.`);
}

try {
  const stop = await main();
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      say("stopping: running deliveries are finished first; press again to force");
      stop().then(
        () => process.exit(0),
        (error: Error) => {
          console.error(error.message);
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  console.error(`gridspot did not start: ${(error as Error).message}`);
  process.exit(1);
}
