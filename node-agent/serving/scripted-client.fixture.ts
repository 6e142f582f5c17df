/** A scripted backend client for tests: its answers come piece by piece, when the test says so. */
import { BackendError } from "#agent/backends/backend-error.ts";
import type { BackendClient, Finish, TakePiece } from "#agent/backends/openai-client.ts";
import type { Told } from "#agent/backends/pieces.fixture.ts";

export const FINISH: Told = {
  type: "finish",
  finishReason: "stop",
  promptTokens: 3,
  completionTokens: 5,
};

/** One request to the scripted backend, as the test sees it. */
export class ScriptedRequest {
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
  /** Pieces that were taken out by the reader. */
  taken = 0;
  #pieces: (Told | BackendError)[] = [];
  #wake: () => void = () => {};

  constructor(body: object, signal: AbortSignal) {
    this.body = body as Record<string, unknown>;
    this.signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  push(...pieces: (Told | BackendError)[]): void {
    this.#pieces.push(...pieces);
    this.#wake();
  }

  /** Text pieces and the finish. */
  say(...texts: string[]): void {
    this.push(...texts.map((text): Told => ({ type: "text", text })), FINISH);
  }

  async read(take: TakePiece): Promise<Finish> {
    for (;;) {
      if (this.signal.aborted) throw new BackendError("cancelled", "aborted");
      const piece = this.#pieces.shift();
      if (piece instanceof BackendError) throw piece;
      if (piece !== undefined) {
        this.taken += 1;
        if (piece.type === "finish") return piece;
        await take(piece);
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export interface ScriptedClient extends BackendClient {
  readonly requests: ScriptedRequest[];
  /** The answer to requests that are not streamed. */
  answerBody: Buffer;
  readonly isClosed: boolean;
}

export function createScriptedClient(): ScriptedClient {
  const requests: ScriptedRequest[] = [];
  let isClosed = false;
  return {
    model: "local-model",
    connections: 4,
    requests,
    answerBody: Buffer.from("{}"),
    get isClosed() {
      return isClosed;
    },
    stream(body, signal, _timeoutMs, take) {
      const request = new ScriptedRequest(body, signal);
      requests.push(request);
      return request.read(take);
    },
    async complete(body, signal) {
      requests.push(new ScriptedRequest(body, signal));
      return { body: this.answerBody, finishReason: "stop", promptTokens: 3, completionTokens: 5 };
    },
    async close() {
      isClosed = true;
    },
  };
}
