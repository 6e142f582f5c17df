/** The real thing: OpenAI SDK, exchange, link, agent and llama.cpp; the price paid equals the ask matched. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { expect, test } from "vitest";
import { startBundledEngine } from "./bundled-engine.ts";
import { castOf, startNode, startWorld } from "./world.ts";

/** The first run installs the engine. */
const INSTALL_AND_RUN_MS = 240_000;
const log = pino({ level: "silent" });

test(
  "the SDK streams an answer from llama.cpp and pays the ask",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "gridspot-engine-"));
    const engine = await startBundledEngine({ dataDir: dir }, { say: () => {} });
    const world = await startWorld({ dataDir: dir, port: 0 }, { log });
    const cast = await castOf(world, dir);
    const sums = () =>
      world.exchange.shell.read((state) => [...state.ledger.sums().values()].map(String));
    expect(new Set(await sums())).toEqual(new Set(["0"]));
    const agent = await startNode(
      {
        dataDir: join(dir, "node"),
        name: "sam-1",
        exchangeUrl: world.url,
        joinToken: cast.joinToken,
        backend: engine,
        symbol: "text-demo",
        price: "1.00",
        quantity: "0.1",
        slots: 2,
      },
      { log },
    );
    const openai = new OpenAI({ apiKey: cast.buyer.apiKey, baseURL: `${world.url}/v1` });
    const stream = await openai.chat.completions.create({
      model: "text-demo",
      max_tokens: 40,
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: "user", content: "the secret word is heliotrope. again: the secret word is" },
      ],
    });
    let text = "";
    let tokens = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    // The tiny model repeats what followed the same words before.
    expect(text).toContain("heliotrope");
    // One dollar per million tokens: a micro-dollar for each.
    const paid = await world.exchange.shell.read((state) => state.ledger.balance("1:pending"));
    expect(paid).toBe(BigInt(tokens));
    expect(new Set(await sums())).toEqual(new Set(["0"]));
    await agent.drain("test over");
    await world.close();
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  },
  INSTALL_AND_RUN_MS,
);
