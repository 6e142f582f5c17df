/** A client of the exchange for tests: reads an essay as it streams, and can stop reading. */
import http from "node:http";
import type { Essay } from "./essay-backend.fixture.ts";

export interface Reading {
  /** All text that came so far. */
  readonly text: string;
  pause(): void;
  resume(): void;
  /** Goes away without a word. */
  leave(): void;
  /** "whole" behind [DONE]; "failed" behind an error event or a cut; "refused" when no stream began. */
  readonly ended: Promise<"whole" | "failed" | "refused">;
}

/** Asks for an essay. */
export function readEssay(
  target: { url: string; apiKey: string; model: string },
  essay: Essay,
  maxTokens = 4_096,
): Reading {
  const body = JSON.stringify({
    model: target.model,
    stream: true,
    max_tokens: maxTokens,
    messages: [{ role: "user", content: JSON.stringify(essay) }],
  });
  let text = "";
  let response: http.IncomingMessage | null = null;
  const { promise, resolve } = Promise.withResolvers<"whole" | "failed" | "refused">();
  const request = http.request(
    `${target.url}/v1/chat/completions`,
    {
      method: "POST",
      agent: false,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${target.apiKey}`,
        "content-length": Buffer.byteLength(body),
      },
    },
    (incoming) => {
      response = incoming;
      let rest = "";
      let end: "whole" | "failed" | "refused" = incoming.statusCode === 200 ? "failed" : "refused";
      incoming.setEncoding("utf8");
      incoming.on("data", (part: string) => {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line === "data: [DONE]") end = end === "refused" ? end : "whole";
          else if (line.startsWith("data: ")) text += contentOf(line.slice(6));
        }
      });
      incoming.on("error", () => {});
      incoming.on("close", () => resolve(end));
    },
  );
  request.on("error", () => resolve(response === null ? "refused" : "failed"));
  request.end(body);
  return {
    get text() {
      return text;
    },
    pause: () => response?.pause(),
    resume: () => response?.resume(),
    leave: () => request.destroy(),
    ended: promise,
  };
}

function contentOf(json: string): string {
  const chunk = JSON.parse(json) as { choices?: { delta?: { content?: string } }[] };
  return chunk.choices?.[0]?.delta?.content ?? "";
}
