/** One attempt at a delivery on a link: its records in order, its time to first output, its one end. */
import {
  decodeDeliveryEnd,
  decodeDeliveryError,
  type RequestHead,
} from "#protocol/link-messages.ts";
import {
  FLAG_FINAL,
  type LinkRecord,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordType,
  STREAM_CREDIT_BYTES,
} from "#protocol/link-records.ts";
import type { AttemptError, AttemptHandlers, AttemptRequest } from "./dispatcher.ts";

/** Sends one record of this stream. */
export type SendRecord = (
  type: RecordType,
  payload: Uint8Array,
  options?: { flags?: number },
) => void;

/** A record that an honest agent would not have sent. */
export class StreamViolation extends Error {}

/** The exchange's end of one stream. */
export class LinkStream {
  #outputBytes = 0;
  #creditBytes = STREAM_CREDIT_BYTES;
  #nextSequence = 0;
  #over = false;
  #timer: NodeJS.Timeout;
  readonly #handlers: AttemptHandlers;
  readonly #send: SendRecord;
  readonly #onOver: () => void;

  constructor(
    request: AttemptRequest,
    handlers: AttemptHandlers,
    send: SendRecord,
    onOver: () => void,
  ) {
    this.#handlers = handlers;
    this.#send = send;
    this.#onOver = onOver;
    const head: RequestHead = {
      attemptId: request.attemptId,
      symbol: request.symbol,
      path: "/v1/chat/completions",
      streamed: request.streamed,
      maxOutputTokens: request.maxOutputTokens,
      bodyBytes: request.body.length,
      firstTokenTimeoutMs: request.firstTokenTimeoutMs,
      creditBytes: STREAM_CREDIT_BYTES,
    };
    send(RecordType.requestHead, Buffer.from(JSON.stringify(head)));
    for (let at = 0; at === 0 || at < request.body.length; at += RECORD_PAYLOAD_BYTES_MAX) {
      const part = request.body.subarray(at, at + RECORD_PAYLOAD_BYTES_MAX);
      const final = at + RECORD_PAYLOAD_BYTES_MAX >= request.body.length;
      send(RecordType.requestBody, part, { flags: final ? FLAG_FINAL : 0 });
    }
    this.#timer = setTimeout(() => {
      this.#send(RecordType.cancel, Buffer.alloc(0));
      this.fail({
        code: "timeout",
        message: `no output within ${request.firstTokenTimeoutMs} ms`,
        status: null,
      });
    }, request.firstTokenTimeoutMs);
  }

  /** Takes the agent's next record of this stream. Throws `StreamViolation` on what cannot be. */
  receive(record: LinkRecord): void {
    if (this.#over) return;
    if (record.sequence !== this.#nextSequence) {
      throw new StreamViolation(`sequence ${record.sequence}, expected ${this.#nextSequence}`);
    }
    this.#nextSequence += 1;
    const payload = record.payload as Buffer;
    switch (record.type) {
      case RecordType.accepted:
        this.#handlers.onAccepted?.();
        return;
      case RecordType.delta:
        this.#countOutput(payload);
        this.#handlers.onDelta(payload, record.count);
        return;
      case RecordType.event:
        this.#countOutput(payload);
        this.#handlers.onEvent(payload);
        return;
      case RecordType.body:
        this.#countOutput(payload);
        this.#handlers.onBody(payload, (record.flags & FLAG_FINAL) !== 0);
        return;
      case RecordType.end:
        this.#end(payload);
        return;
      case RecordType.error: {
        const decoded = decodeDeliveryError(payload);
        if (!decoded.ok) throw new StreamViolation(decoded.reason);
        this.fail(decoded.message);
        return;
      }
      default:
        throw new StreamViolation(`record type ${record.type} on a delivery's stream`);
    }
  }

  #countOutput(payload: Buffer): void {
    clearTimeout(this.#timer);
    this.#outputBytes += payload.length;
    this.#creditBytes -= payload.length;
    if (this.#creditBytes < 0) {
      throw new StreamViolation(`${-this.#creditBytes} output bytes more than were granted`);
    }
  }

  #end(payload: Buffer): void {
    const decoded = decodeDeliveryEnd(payload);
    if (!decoded.ok) throw new StreamViolation(decoded.reason);
    const { outputBytes } = decoded.message;
    if (outputBytes !== this.#outputBytes) {
      this.fail({
        code: "protocol",
        message: `the agent says it sent ${outputBytes} bytes, ${this.#outputBytes} came`,
        status: null,
      });
      return;
    }
    if (this.#close()) this.#handlers.onEnd(decoded.message);
  }

  fail(error: AttemptError): void {
    if (this.#close()) this.#handlers.onError(error);
  }

  cancel(): void {
    if (this.#close()) this.#send(RecordType.cancel, Buffer.alloc(0));
  }

  grant(bytes: number): void {
    if (this.#over || bytes <= 0) return;
    this.#creditBytes += bytes;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(bytes);
    this.#send(RecordType.credit, payload);
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#onOver();
    return true;
  }
}
