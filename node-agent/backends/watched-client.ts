/**
 * A backend client that notices a hanging server: after some hangs in a row nothing more is sent to it
 * until a small request of its own is answered. A server that answers with an error does not hang.
 */
import { BackendError } from "./backend-error.ts";
import type { BackendClient } from "./openai-client.ts";
import { toBackendBody } from "./request-body.ts";

/** Requests in a row that timed out. */
export const HANGS_MAX = 3;
const PROBE_PAUSE_MS = 5_000;
const PROBE_TIMEOUT_MS = 20_000;

export interface WatchOptions {
  hangsMax?: number;
  /** Between two probes. */
  probePauseMs?: number;
  probeTimeoutMs?: number;
}

export interface WatchDependencies {
  /** Told when the server counts as down, and when it is back. */
  onChange(isDown: boolean): void;
}

export interface WatchedClient extends BackendClient {
  readonly isDown: boolean;
}

/** Watches what a client's requests come to. */
export function watchClient(
  client: BackendClient,
  options: WatchOptions,
  { onChange }: WatchDependencies,
): WatchedClient {
  const { hangsMax = HANGS_MAX, probePauseMs = PROBE_PAUSE_MS } = options;
  const { probeTimeoutMs = PROBE_TIMEOUT_MS } = options;
  const { model, connections } = client;
  const closing = new AbortController();
  let hangs = 0;
  let isDown = false;
  let timer: NodeJS.Timeout | undefined;

  function answered(): void {
    hangs = 0;
  }

  function failed(error: unknown): void {
    const { code } = error as BackendError;
    if (code === "cancelled") return;
    if (code !== "timeout") {
      answered();
      return;
    }
    hangs += 1;
    if (hangs < hangsMax || isDown) return;
    isDown = true;
    onChange(true);
    timer = setTimeout(() => void probe(), probePauseMs);
  }

  async function probe(): Promise<void> {
    const request = { messages: [{ role: "user", content: "Say yes." }] };
    const body = toBackendBody(request, { model, streamed: false, maxOutputTokens: 1 });
    try {
      await client.complete(body, closing.signal, probeTimeoutMs);
    } catch {
      if (!closing.signal.aborted) timer = setTimeout(() => void probe(), probePauseMs);
      return;
    }
    isDown = false;
    answered();
    onChange(false);
  }

  function refuseWhileDown(): void {
    if (!isDown) return;
    const text = `the backend hung ${hangsMax} times in a row and is probed until it answers`;
    throw new BackendError("backend-unreachable", text);
  }

  return {
    model,
    connections,
    get isDown() {
      return isDown;
    },
    async stream(body, signal, timeoutMs, take) {
      refuseWhileDown();
      try {
        return await client.stream(body, signal, timeoutMs, (piece) => {
          answered();
          return take(piece);
        });
      } catch (error) {
        failed(error);
        throw error;
      }
    },
    async complete(body, signal, timeoutMs) {
      refuseWhileDown();
      try {
        const answer = await client.complete(body, signal, timeoutMs);
        answered();
        return answer;
      } catch (error) {
        failed(error);
        throw error;
      }
    },
    close() {
      clearTimeout(timer);
      closing.abort();
      return client.close();
    },
  };
}
