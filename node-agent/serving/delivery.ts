/**
 * One delivery on the agent's side: collects the request, runs the backend, sends the output as far
 * as the exchange's credit reaches, and closes with one end or one error.
 */
import { BackendError } from "#agent/backends/backend-error.ts";
import type { BackendClient, Finish } from "#agent/backends/openai-client.ts";
import { toBackendBody } from "#agent/backends/request-body.ts";
import type { DeliveryError, DeliveryErrorCode, RequestHead } from "#protocol/link-messages.ts";
import type { Departure } from "#protocol/link-outbox.ts";
import { FLAG_FINAL, type LinkRecord, RecordType } from "#protocol/link-records.ts";
import { Credit, CreditTimeout } from "./credit.ts";
import { type AnswerEnd, Output } from "./output.ts";

/** Longest message of an error, in characters: as much as the link carries. */
const ERROR_CHARACTERS_MAX = 1_000;

/** Part of the exchange's time for the first token that the backend gets. */
const PATIENCE_SHARE = 0.95;

/** What a delivery needs of its link. */
export interface DeliveryLink {
  sendRecord(record: Buffer, departure?: Departure): void;
  /** Resolves when the socket has room; null when it has some already. */
  room(): Promise<void> | null;
}

/** How a delivery ended. Holds nothing of what was asked or answered. */
export interface DeliveryReport {
  attemptId: string;
  symbol: string;
  outcome: "served" | DeliveryErrorCode;
  /** Why it failed, in the backend's words. */
  reason: string | null;
  outputBytes: number;
}

export interface DeliveryOptions {
  stream: number;
  head: RequestHead;
  creditTimeoutMs: number;
}

export interface DeliveryDependencies {
  link: DeliveryLink;
  backend: BackendClient;
  /** Called once, in the turn of the last record. */
  onOver(report: DeliveryReport): void;
}

export class Delivery {
  readonly #stream: number;
  readonly #head: RequestHead;
  readonly #backend: BackendClient;
  readonly #onOver: (report: DeliveryReport) => void;
  readonly #stop = new AbortController();
  readonly #credit: Credit;
  readonly #output: Output;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #isComplete = false;
  #isOver = false;
  /** The head was the first. */
  #nextSequence = 1;

  constructor(options: DeliveryOptions, { link, backend, onOver }: DeliveryDependencies) {
    const { stream, head, creditTimeoutMs } = options;
    this.#stream = stream;
    this.#head = head;
    this.#backend = backend;
    this.#onOver = onOver;
    this.#credit = new Credit(head.creditBytes, creditTimeoutMs);
    this.#output = new Output({ stream }, { link, credit: this.#credit, signal: this.signal });
  }

  get attemptId(): string {
    return this.#head.attemptId;
  }

  /** Aborts when the delivery is cancelled or failed. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Takes a record behind the head; "complete" when it was the last of the request. Throws on what breaks the protocol. */
  receive({ type, flags, sequence, payload }: LinkRecord): "complete" | undefined {
    if (sequence !== this.#nextSequence) {
      throw new Error(
        `sequence ${sequence} on stream ${this.#stream}, expected ${this.#nextSequence}`,
      );
    }
    this.#nextSequence += 1;
    switch (type) {
      case RecordType.requestBody:
        this.#takeBody(payload, (flags & FLAG_FINAL) !== 0);
        return this.#isComplete ? "complete" : undefined;
      case RecordType.credit:
        if (payload.length !== 4)
          throw new Error(`credit of ${payload.length} bytes, expected a u32`);
        this.#credit.grant(Buffer.from(payload).readUInt32LE(0));
        return undefined;
      case RecordType.cancel:
        this.cancel();
        return undefined;
      default:
        throw new Error(`record type ${type} on a delivery's stream`);
    }
  }

  #takeBody(part: Uint8Array, isFinal: boolean): void {
    const { bodyBytes } = this.#head;
    if (this.#isComplete) throw new Error("a part of a request behind its last one");
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > bodyBytes || (isFinal && this.#bodyBytes !== bodyBytes)) {
      throw new Error(`request of ${this.#bodyBytes} bytes, ${bodyBytes} were announced`);
    }
    // The payload is a view into a message of the socket.
    this.#body.push(Buffer.from(part));
    this.#isComplete = isFinal;
  }

  /** Stops the backend at once; nothing more is sent. */
  cancel(): void {
    if (!this.#close("cancelled", null)) return;
    this.#stop.abort(new BackendError("cancelled", "the delivery was cancelled"));
  }

  /** Serves the request to its end. Never rejects: failures become the stream's error record. */
  async run(): Promise<void> {
    try {
      this.#output.accept();
      const { streamed, maxOutputTokens } = this.#head;
      const { model } = this.#backend;
      const body = toBackendBody(this.#request(), { model, streamed, maxOutputTokens });
      const end = streamed ? await this.#streamAnswer(body) : await this.#sendAnswer(body);
      if (this.#isOver) return;
      this.#output.end(end);
      this.#close("served", null);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Stops the backend and ends the stream with an error; without effect behind its end. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    const { code, message, status } = asBackendError(error);
    const record: DeliveryError = { code, message: message.slice(0, ERROR_CHARACTERS_MAX), status };
    this.#output.fail(record);
    this.#close(code, record.message);
    this.#stop.abort(error);
  }

  #close(outcome: DeliveryReport["outcome"], reason: string | null): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#body = [];
    const { attemptId, symbol } = this.#head;
    this.#onOver({ attemptId, symbol, outcome, reason, outputBytes: this.#output.bytes });
    return true;
  }

  #request(): Record<string, unknown> {
    let request: unknown;
    try {
      request = JSON.parse(Buffer.concat(this.#body).toString("utf8"));
    } catch {
      throw new BackendError("bad-request", "the request's body is not JSON");
    }
    this.#body = [];
    if (typeof request !== "object" || request === null || Array.isArray(request)) {
      throw new BackendError("bad-request", "the request's body is no JSON object");
    }
    return request as Record<string, unknown>;
  }

  async #streamAnswer(body: object): Promise<AnswerEnd> {
    const timeoutMs = patienceMs(this.#head);
    const output = this.#output;
    const finish = await this.#backend.stream(body, this.signal, timeoutMs, (piece) =>
      piece.type === "text" ? output.text(piece.text) : output.event(piece.json),
    );
    return endOf(finish);
  }

  async #sendAnswer(body: object): Promise<AnswerEnd> {
    const timeoutMs = patienceMs(this.#head);
    const answer = await this.#backend.complete(body, this.signal, timeoutMs);
    await this.#output.body(answer.body);
    return endOf(answer);
  }
}

/** A little less than the exchange waits: else its cancel would hide that the backend hung. */
function patienceMs({ firstTokenTimeoutMs }: RequestHead): number {
  return Math.max(1, Math.floor(firstTokenTimeoutMs * PATIENCE_SHARE));
}

function endOf(answer: Finish): AnswerEnd {
  return {
    finishReason: answer.finishReason,
    reportedPromptTokens: answer.promptTokens,
    reportedCompletionTokens: answer.completionTokens,
  };
}

function asBackendError(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  const { message } = error as Error;
  return new BackendError(error instanceof CreditTimeout ? "timeout" : "backend-failed", message);
}
