/** The event stream in OpenAI's shape: one prefix per request, so that a delta costs one small string. */
import type { ServerResponse } from "node:http";

/** A stop for writers: true while the client takes what is sent. */
export interface EventStream {
  /** Text of choice 0. Returns false when the client is slow. */
  delta(text: string): boolean;
  /** A supplier's chunk of another kind, with our id and model and without its usage. */
  chunk(choices: unknown): boolean;
  finish(reason: string): void;
  usage(usage: object): void;
  error(body: object): void;
  done(): void;
}

/** Builds the writer; the response's head must have been sent. */
export function createEventStream(
  response: ServerResponse,
  head: { id: string; created: number; model: string },
): EventStream {
  const base = `{"id":${JSON.stringify(head.id)},"object":"chat.completion.chunk","created":${head.created},"model":${JSON.stringify(head.model)},"choices":`;
  const prefix = `data: ${base}[{"index":0,"delta":{"content":`;
  const suffix = `},"logprobs":null,"finish_reason":null}]}\n\n`;
  let opened = false;
  const role = `data: ${base}[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n`;
  const write = (text: string): boolean => {
    if (opened) return response.write(text);
    opened = true;
    return response.write(role + text);
  };
  return {
    delta: (text) => write(prefix + JSON.stringify(text) + suffix),
    chunk: (choices) => write(`data: ${base}${JSON.stringify(choices)}}\n\n`),
    finish: (reason) => {
      const choice = [{ index: 0, delta: {}, logprobs: null, finish_reason: reason }];
      write(`data: ${base}${JSON.stringify(choice)}}\n\n`);
    },
    usage: (usage) => write(`data: ${base}[],"usage":${JSON.stringify(usage)}}\n\n`),
    error: (body) => write(`data: ${JSON.stringify(body)}\n\n`),
    done: () => response.end("data: [DONE]\n\n"),
  };
}
