/**
 * A buyer that keeps asking, streamed and whole, and writes down what it was told: tokens or an error.
 * Every word it gets is held to the one right answer.
 */
import type { Door } from "#crash/http-client.ts";
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import type { Random } from "#simulation/random.ts";
import { type Question, questionText, wrongAnswer } from "./numbered-answer.ts";
import { readAnswer } from "./read-answer.ts";

/** Longer than the exchange waits for two suppliers, one after another. */
const REQUEST_MS_MAX = 60_000;
const WORDS_MIN = 5;
const WORDS_MAX = 24;
/** More tokens than the longest answer has; one request in some asks for less, and is cut. */
const OUTPUT_TOKENS_MAX = 64;
const OUTPUT_TOKENS_FEW = 16;
const FEW_ONE_IN = 6;
/** Statuses with which a request may fail: no supplier, or one that failed. */
const FAILED_STATUSES = [502, 503, 504];

/** How a request ended for its buyer: only a completed one may cost anything. */
export type Told = "completed" | "failed in the stream" | "refused";

export interface AskingBuyer {
  /** One request, whatever its end. */
  work(): Promise<Told>;
}

interface Received {
  requestId: string;
  status: number;
  /** The body, as far as it came. */
  text: string;
  wasCut: boolean;
}

export function createAskingBuyer(
  { name, apiKey, symbol }: { name: string; apiKey: string; symbol: string },
  { door, random }: { door: Door; random: Random },
): AskingBuyer {
  const { notebook } = door;
  let asked = 0;

  async function ask(body: string): Promise<Received> {
    const received: Received = { requestId: "", status: 0, text: "", wasCut: false };
    try {
      const response = await fetch(`${door.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      });
      received.status = response.status;
      received.requestId = response.headers.get("x-gridspot-request-id") ?? "";
      notebook.noteSeq(Number(response.headers.get("x-gridspot-seq") ?? 0));
      const decoder = new TextDecoder();
      for await (const part of response.body ?? []) {
        received.text += decoder.decode(part as Uint8Array, { stream: true });
      }
    } catch {
      received.wasCut = true;
    }
    return received;
  }

  function free(requestId: string): void {
    notebook.write({ kind: "completion free", requestId });
  }

  function note(received: Received, question: Question, request: Request): Told {
    const { requestId, status, text, wasCut } = received;
    const { name: asked } = question;
    if (wasCut) {
      // No process of the exchange dies in this run, and no request outlives its patience.
      notebook.fault(`${asked}: the exchange broke the connection off after "${text}"`);
      return "failed in the stream";
    }
    if (status !== 200) {
      if (!FAILED_STATUSES.includes(status)) notebook.fault(`${asked} got ${status} ${text}`);
      free(requestId);
      return "refused";
    }
    notebook.write({ kind: "completion begun", requestId });
    const read = readAnswer(text);
    if (read.error !== null) {
      free(requestId);
      return "failed in the stream";
    }
    const wrong = wrongAnswer(question, read.text, read.finish === "length");
    if (wrong !== null) notebook.fault(wrong);
    if (read.usage === null) {
      notebook.fault(`${asked} ended without usage: ${text}`);
      return "completed";
    }
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = read.usage;
    const counted = Math.min(countReferenceTokens(read.text), request.max_tokens);
    if (completionTokens !== counted) {
      notebook.fault(`${asked} was told ${completionTokens} tokens, its answer has ${counted}`);
    }
    notebook.write({ kind: "completion", requestId, promptTokens, completionTokens });
    return "completed";
  }

  return {
    async work() {
      await door.gate.passed();
      asked += 1;
      const words = random.between(WORDS_MIN, WORDS_MAX);
      const question = { name: `${name}-${asked}`, words };
      const stream = random.bit() === 1;
      const request: Request = {
        model: symbol,
        messages: [{ role: "user", content: questionText(question) }],
        max_tokens: random.oneIn(FEW_ONE_IN) ? OUTPUT_TOKENS_FEW : OUTPUT_TOKENS_MAX,
        ...(stream && { stream, stream_options: { include_usage: true } }),
      };
      const received = await notebook.during(ask(JSON.stringify(request)));
      return note(received, question, request);
    },
  };
}

interface Request {
  model: string;
  messages: { role: string; content: string }[];
  max_tokens: number;
  stream?: boolean;
  stream_options?: object;
}
