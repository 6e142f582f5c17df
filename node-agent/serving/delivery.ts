/**
 * One delivery on the agent's side: collects the request, runs the backend, sends the output as far
 * as the exchange's credit reaches, and closes with one end or one error.
 */
import { createHash } from "node:crypto";
import { BackendError } from "#agent/backends/backend-error.ts";
import type { BackendClient } from "#agent/backends/openai-client.ts";
import { toBackendBody } from "#agent/backends/request-body.ts";
import type { AgentSession } from "#agent/link/session.ts";
import type { DeliveryEnd, DeliveryError, RequestHead } from "#protocol/link-messages.ts";
import {
  encodeRecord,
  FLAG_FINAL,
  type LinkRecord,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordType,
} from "#protocol/link-records.ts";

/** Largest request body taken, whatever the head says. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** How long the exchange may leave a stream without credit. */
const CREDIT_TIMEOUT_MS = 30_000;

export class Delivery {
  readonly head: RequestHead;
  readonly #stream: number;
  readonly #session: AgentSession;
  readonly #client: BackendClient;
  readonly #abort = new AbortController();
  readonly #hash = createHash("sha256");
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #sequence = 0;
  #creditBytes: number;
  #outputBytes = 0;
  #creditWaiter: (() => void) | null = null;

  constructor(stream: number, head: RequestHead, session: AgentSession, client: BackendClient) {
    this.#stream = stream;
    this.head = head;
    this.#session = session;
    this.#client = client;
    this.#creditBytes = head.creditBytes;
  }

  /** Takes a part of the request; true when it was the last one. Throws when it is not what the head said. */
  takeBody(record: LinkRecord): boolean {
    this.#bodyBytes += record.payload.length;
    if (this.#bodyBytes > Math.min(this.head.bodyBytes, BODY_BYTES_MAX)) {
      throw new Error(`request of ${this.#bodyBytes} bytes, ${this.head.bodyBytes} were announced`);
    }
    this.#body.push(Buffer.from(record.payload));
    return (record.flags & FLAG_FINAL) !== 0;
  }

  grant(bytes: number): void {
    this.#creditBytes += bytes;
    this.#creditWaiter?.();
  }

  /** Stops the backend at once; nothing more is sent. */
  cancel(): void {
    this.#abort.abort();
    this.#creditWaiter?.();
  }

  /** Serves the request to its end. Never throws: failures become the stream's error record. */
  async run(): Promise<void> {
    try {
      this.#send(RecordType.accepted, Buffer.alloc(0));
      const request = this.#parseBody();
      const body = toBackendBody(request, {
        model: this.#client.model,
        streamed: this.head.streamed,
        maxOutputTokens: this.head.maxOutputTokens,
      });
      const end = this.head.streamed ? await this.#streamAnswer(body) : await this.#answer(body);
      this.#send(RecordType.end, Buffer.from(JSON.stringify(end)));
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const failed =
      error instanceof BackendError
        ? error
        : new BackendError("backend-failed", (error as Error).message);
    const record: DeliveryError = {
      code: failed.code,
      message: failed.message.slice(0, 1000),
      status: failed.status,
    };
    this.#send(RecordType.error, Buffer.from(JSON.stringify(record)));
  }

  #parseBody(): Record<string, unknown> {
    try {
      return JSON.parse(Buffer.concat(this.#body).toString("utf8"));
    } catch {
      throw new BackendError("bad-request", "the request's body is not JSON");
    } finally {
      this.#body = [];
    }
  }

  async #streamAnswer(body: object): Promise<DeliveryEnd> {
    const timeoutMs = this.head.firstTokenTimeoutMs;
    let first = true;
    for await (const piece of this.#client.stream(body, this.#abort.signal, timeoutMs)) {
      if (piece.type === "finish") {
        return this.#endOf(piece.finishReason, piece.promptTokens, piece.completionTokens);
      }
      const type = piece.type === "text" ? RecordType.delta : RecordType.event;
      const payload = Buffer.from(piece.type === "text" ? piece.text : piece.json);
      for (const part of splitPayload(payload, type === RecordType.delta)) {
        await this.#output(type, part, { count: 1, urgent: first });
        first = false;
      }
    }
    throw new BackendError("backend-stream-broken", "the backend's stream ended without a finish");
  }

  async #answer(body: object): Promise<DeliveryEnd> {
    const { signal } = this.#abort;
    const answer = await this.#client.complete(body, signal, this.head.firstTokenTimeoutMs);
    for (let at = 0; at < answer.body.length; at += RECORD_PAYLOAD_BYTES_MAX) {
      const part = answer.body.subarray(at, at + RECORD_PAYLOAD_BYTES_MAX);
      const final = at + RECORD_PAYLOAD_BYTES_MAX >= answer.body.length;
      await this.#output(RecordType.body, part, { flags: final ? FLAG_FINAL : 0, count: 0 });
    }
    return this.#endOf(answer.finishReason, answer.promptTokens, answer.completionTokens);
  }

  #endOf(
    finishReason: string | null,
    promptTokens: number | null,
    completionTokens: number | null,
  ): DeliveryEnd {
    return {
      finishReason,
      reportedPromptTokens: promptTokens,
      reportedCompletionTokens: completionTokens,
      outputBytes: this.#outputBytes,
      outputSha256: this.#hash.digest("hex"),
    };
  }

  /** Sends output when there is credit for it; the backend is not read meanwhile. */
  async #output(
    type: RecordType,
    payload: Buffer,
    options: { count: number; flags?: number; urgent?: boolean },
  ): Promise<void> {
    while (this.#creditBytes < payload.length) await this.#waitForCredit();
    if (this.#abort.signal.aborted) throw new BackendError("cancelled", "cancelled");
    this.#creditBytes -= payload.length;
    this.#outputBytes += payload.length;
    this.#hash.update(payload);
    this.#send(type, payload, options);
  }

  #waitForCredit(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new BackendError("timeout", `no credit for ${CREDIT_TIMEOUT_MS} ms`));
        this.#abort.abort();
      }, CREDIT_TIMEOUT_MS);
      this.#creditWaiter = () => {
        clearTimeout(timer);
        this.#creditWaiter = null;
        if (this.#abort.signal.aborted) reject(new BackendError("cancelled", "cancelled"));
        else resolve();
      };
    });
  }

  #send(
    type: RecordType,
    payload: Buffer,
    options: { count?: number; flags?: number; urgent?: boolean } = {},
  ): void {
    const { urgent, ...fields } = options;
    const record = encodeRecord(type, this.#stream, this.#sequence, payload, fields);
    this.#sequence += 1;
    this.#session.sendRecord(record, urgent);
  }
}

/** Cuts a payload to record size; text only between characters. */
function splitPayload(payload: Buffer, isText: boolean): Buffer[] {
  if (payload.length <= RECORD_PAYLOAD_BYTES_MAX) return [payload];
  if (!isText) {
    throw new BackendError(
      "backend-failed",
      `a chunk of ${payload.length} bytes, at most ${RECORD_PAYLOAD_BYTES_MAX}`,
    );
  }
  const parts: Buffer[] = [];
  for (let at = 0; at < payload.length; ) {
    let end = Math.min(payload.length, at + RECORD_PAYLOAD_BYTES_MAX);
    // A UTF-8 continuation byte is 10xxxxxx: step back to the character's first byte.
    while (end < payload.length && ((payload[end] as number) & 0xc0) === 0x80) end -= 1;
    parts.push(payload.subarray(at, end));
    at = end;
  }
  return parts;
}
