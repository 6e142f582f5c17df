/**
 * The event stream in OpenAI's shape: one prefix per request, so that a delta costs one small
 * string, and one write per turn of the event loop, however many deltas arrived in it.
 */
import type { ServerResponse } from "node:http";
import type { OutputChoice } from "./supplier-output.ts";

export interface StreamHead {
  id: string;
  /** Seconds since the epoch. */
  created: number;
  model: string;
  /** Whether the buyer asked for usage; the other chunks then carry a null. */
  includeUsage: boolean;
}

/** Writes one stream; the response's head must have been sent. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #base: string;
  readonly #end: string;
  readonly #deltaPrefix: string;
  readonly #deltaSuffix: string;
  /** Choices whose role was told. */
  readonly #opened = new Set<number>();
  readonly #isChunked: boolean;
  #pending = "";

  constructor(response: ServerResponse, head: StreamHead) {
    const { id, created, model } = head;
    this.#response = response;
    // Node frames a chunk in four parts, which the system then has to gather; here it is one string.
    this.#isChunked = response.headersSent && response.chunkedEncoding;
    if (this.#isChunked) response.chunkedEncoding = false;
    this.#base = `data: {"id":${JSON.stringify(id)},"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"choices":`;
    this.#end = head.includeUsage ? `,"usage":null}\n\n` : "}\n\n";
    this.#deltaPrefix = inOnePiece(`${this.#base}[{"index":0,"delta":{"content":`);
    this.#deltaSuffix = inOnePiece(`},"logprobs":null,"finish_reason":null}]${this.#end}`);
    this.#open(0);
  }

  /** Text of choice 0. False when the client is slow. */
  delta(text: string): boolean {
    return this.#write(this.#deltaPrefix + JSON.stringify(text) + this.#deltaSuffix);
  }

  /** Choices of a chunk that is more than text. False when the client is slow. */
  chunk(choices: readonly OutputChoice[]): boolean {
    for (const { index } of choices) this.#open(index);
    return this.#choices(choices);
  }

  /** Says of every choice why it ended. */
  finish(reasons: ReadonlyMap<number, string>, otherwise: string): void {
    for (const index of reasons.keys()) this.#open(index);
    for (const index of [...this.#opened].sort((a, b) => a - b)) {
      const reason = reasons.get(index) ?? otherwise;
      this.#choices([{ index, delta: {}, logprobs: null, finish_reason: reason }]);
    }
  }

  usage(usage: object): void {
    this.#write(`${this.#base}[],"usage":${JSON.stringify(usage)}}\n\n`);
  }

  /** Ends the stream with an error, as the SDKs expect it: no [DONE]. */
  fail(body: object): void {
    this.#close(`data: ${JSON.stringify(body)}\n\n`);
  }

  done(): void {
    this.#close("data: [DONE]\n\n");
  }

  #open(index: number): void {
    if (this.#opened.has(index)) return;
    this.#opened.add(index);
    const delta = { role: "assistant", content: "" };
    this.#choices([{ index, delta, logprobs: null, finish_reason: null }]);
  }

  #choices(choices: readonly object[]): boolean {
    return this.#write(`${this.#base}${JSON.stringify(choices)}${this.#end}`);
  }

  #write(text: string): boolean {
    if (this.#pending === "") process.nextTick(() => this.#flush());
    this.#pending += text;
    return !this.#response.writableNeedDrain;
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = "";
    if (text === "" || this.#response.destroyed) return;
    const bytes = Buffer.byteLength(text);
    this.#response.write(this.#framed(text, bytes), encodingOf(text, bytes));
  }

  #close(last: string): void {
    const text = this.#pending + last;
    this.#pending = "";
    if (this.#response.destroyed) return;
    const bytes = Buffer.byteLength(text);
    const framed = this.#framed(text, bytes);
    this.#response.end(this.#isChunked ? `${framed}0\r\n\r\n` : framed, encodingOf(text, bytes));
  }

  /** A chunk of HTTP/1.1's chunked transfer coding (RFC 9112, 7.1); as it is for a client of 1.0. */
  #framed(text: string, bytes: number): string {
    return this.#isChunked ? `${bytes.toString(16)}\r\n${text}\r\n` : text;
  }
}

/** Text that is ASCII goes out without being encoded. */
function encodingOf(text: string, bytes: number): "latin1" | "utf8" {
  return bytes === text.length ? "latin1" : "utf8";
}

/** V8 keeps what was joined in pieces, and would walk through them again for every delta. */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}
