/**
 * One attempt at a delivery on a session: its records in order, its times on the exchange's clock, its
 * one end. What the agent does wrong here fails this attempt and nothing else.
 */
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "#exchange/clock.ts";
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
import type { AttemptClock, AttemptError, AttemptHandlers, AttemptRequest } from "./dispatcher.ts";
import type { IntegrityKind } from "./integrity.ts";
import { OutputDigest } from "./output-digest.ts";

/** Who said the stream's last word; behind an agent's own end nothing more may come. */
export type EndedBy = "agent" | "exchange";

/** What a stream needs of its session. */
export interface StreamHome {
  /** How long the agent may take to accept an attempt, from when its request was flushed. */
  readonly acceptTimeoutMs: number;
  readonly roundTripMs: number | null;
  /** Sends one record of this stream; `onWritten` when the system has taken it. */
  send(
    type: RecordType,
    payload: Uint8Array,
    options?: { flags?: number; onWritten?: () => void },
  ): void;
  onViolation(kind: IntegrityKind, detail: string): void;
  onOver(by: EndedBy): void;
}

/** The exchange's end of one stream. */
export class LinkStream {
  readonly attemptId: string;
  readonly #handlers: AttemptHandlers;
  readonly #home: StreamHome;
  readonly #clock: Clock;
  readonly #isStreamed: boolean;
  readonly #firstTokenTimer: NodeJS.Timeout;
  #acceptTimer: NodeJS.Timeout | undefined;
  /** Of deltas and bodies, as the agent makes its own. */
  readonly #digest = new OutputDigest();
  /** Half a character is no first token. */
  readonly #firstText = new StringDecoder("utf8");
  #body: Buffer | null;
  #bodyAt = 0;
  #outputBytes = 0;
  #creditBytes = STREAM_CREDIT_BYTES;
  #nextSequence = 0;
  #isOver = false;
  #dispatchedMs: number | null = null;
  #acceptedMs: number | null = null;
  #firstOutputMs: number | null = null;
  #lastOutputMs: number | null = null;

  constructor(
    request: AttemptRequest,
    handlers: AttemptHandlers,
    { home, clock }: { home: StreamHome; clock: Clock },
  ) {
    this.attemptId = request.attemptId;
    this.#handlers = handlers;
    this.#home = home;
    this.#clock = clock;
    this.#isStreamed = request.streamed;
    this.#body = request.body;
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
    home.send(RecordType.requestHead, Buffer.from(JSON.stringify(head)));
    const { firstTokenTimeoutMs } = request;
    this.#firstTokenTimer = setTimeout(
      () => this.#giveUp("timeout", `no output within ${firstTokenTimeoutMs} ms`),
      firstTokenTimeoutMs,
    );
  }

  get hasOutput(): boolean {
    return this.#firstOutputMs !== null;
  }

  /** Sends the next part of the request; true when there is more of it. */
  sendBody(): boolean {
    const body = this.#body;
    if (body === null) return false;
    const part = body.subarray(this.#bodyAt, this.#bodyAt + RECORD_PAYLOAD_BYTES_MAX);
    this.#bodyAt += part.length;
    if (this.#bodyAt < body.length) {
      this.#home.send(RecordType.requestBody, part);
      return true;
    }
    this.#body = null;
    const onWritten = () => this.flushed();
    this.#home.send(RecordType.requestBody, part, { flags: FLAG_FINAL, onWritten });
    return false;
  }

  /** The request is with the system, as a whole: from now on the agent's time runs. */
  flushed(): void {
    if (this.#isOver || this.#body !== null || this.#dispatchedMs !== null) return;
    this.#dispatchedMs = this.#clock.monotonicMs();
    if (this.#acceptedMs !== null) return;
    const { acceptTimeoutMs } = this.#home;
    this.#acceptTimer = setTimeout(
      () => this.#giveUp("no-accept", `not accepted within ${acceptTimeoutMs} ms`),
      acceptTimeoutMs,
    );
  }

  clock(): AttemptClock {
    return {
      dispatchedMs: this.#dispatchedMs,
      acceptedMs: this.#acceptedMs,
      firstOutputMs: this.#firstOutputMs,
      lastOutputMs: this.#lastOutputMs,
      rttMs: this.#home.roundTripMs,
    };
  }

  /** Takes the agent's next record of this stream, come at `nowMs` of the monotonic clock. */
  receive(record: LinkRecord, nowMs: number): void {
    if (this.#isOver) return;
    const { sequence } = record;
    if (sequence < this.#nextSequence) {
      this.#home.onViolation("repeat", `sequence ${sequence} again`);
      return;
    }
    if (sequence > this.#nextSequence) {
      this.#broken("gap", `sequence ${sequence}, expected ${this.#nextSequence}`);
      return;
    }
    this.#nextSequence += 1;
    const payload = record.payload as Buffer;
    switch (record.type) {
      case RecordType.accepted:
        this.#accepted(nowMs);
        return;
      case RecordType.delta:
        if (!this.#countOutput(payload, true)) return;
        this.#digest.add(payload);
        if (this.hasOutput || this.#firstText.write(payload) !== "") this.#sawOutput(nowMs);
        this.#handlers.onDelta(payload, record.count);
        return;
      case RecordType.event:
        if (!this.#countOutput(payload, true)) return;
        if (this.hasOutput || (this.#handlers.holdsOutput?.(payload) ?? true))
          this.#sawOutput(nowMs);
        this.#handlers.onEvent(payload);
        return;
      case RecordType.body: {
        const isFinal = (record.flags & FLAG_FINAL) !== 0;
        if (!this.#countOutput(payload, false, isFinal)) return;
        this.#digest.add(payload);
        this.#sawOutput(nowMs);
        this.#handlers.onBody(payload, isFinal);
        return;
      }
      case RecordType.end:
        this.#end(payload);
        return;
      case RecordType.error:
        this.#failedByAgent(payload);
        return;
      default:
        this.#broken("wrong-type", `record type ${record.type} on a delivery's stream`);
    }
  }

  #accepted(nowMs: number): void {
    if (this.#acceptedMs !== null) {
      this.#broken("wrong-type", "accepted twice");
      return;
    }
    clearTimeout(this.#acceptTimer);
    this.#acceptedMs = nowMs;
    // The agent can have it before the system says that it was written.
    this.#dispatchedMs ??= nowMs;
    this.#handlers.onAccepted?.();
  }

  /** Only what begins the answer ends the wait for it, or an empty event would. */
  #sawOutput(nowMs: number): void {
    if (this.#firstOutputMs === null) {
      clearTimeout(this.#firstTokenTimer);
      this.#firstOutputMs = nowMs;
    }
    this.#lastOutputMs = nowMs;
  }

  #countOutput(payload: Buffer, isStreamed: boolean, mayBeEmpty = false): boolean {
    if (this.#acceptedMs === null) {
      this.#broken("output-without-accept", "output of an attempt that was not accepted");
      return false;
    }
    if (isStreamed !== this.#isStreamed) {
      this.#broken(
        "wrong-type",
        `output for an answer that is ${isStreamed ? "not " : ""}streamed`,
      );
      return false;
    }
    if (payload.length === 0 && !mayBeEmpty) {
      this.#broken("malformed", "output without a byte");
      return false;
    }
    this.#outputBytes += payload.length;
    this.#creditBytes -= payload.length;
    if (this.#creditBytes >= 0) return true;
    this.#broken("credit-overdrawn", `${-this.#creditBytes} bytes more than were granted`);
    return false;
  }

  #end(payload: Buffer): void {
    const decoded = decodeDeliveryEnd(payload);
    if (!decoded.ok) {
      this.#broken("malformed", decoded.reason);
      return;
    }
    const { outputBytes, outputSha256 } = decoded.message;
    if (outputBytes !== this.#outputBytes) {
      const text = `the agent says it sent ${outputBytes} bytes, ${this.#outputBytes} came`;
      this.#broken("wrong-byte-count", text, "agent");
      return;
    }
    // What is paid is what came, by the exchange's own count; that the agent says otherwise is told.
    if (outputSha256 !== this.#digest.hex()) {
      this.#home.onViolation("wrong-digest", `attempt ${this.attemptId}: ${outputSha256}`);
    }
    if (this.#close("agent")) this.#handlers.onEnd(decoded.message, this.clock());
  }

  #failedByAgent(payload: Buffer): void {
    const decoded = decodeDeliveryError(payload);
    if (decoded.ok) this.fail(decoded.message, "agent");
    else this.#broken("malformed", decoded.reason);
  }

  /** The agent sent what it may not: the attempt ends, the session goes on. */
  #broken(kind: IntegrityKind, message: string, by: EndedBy = "exchange"): void {
    this.#home.onViolation(kind, `attempt ${this.attemptId}: ${message}`);
    if (by === "exchange") this.#home.send(RecordType.cancel, Buffer.alloc(0));
    this.fail({ code: "protocol", message, status: null }, by);
  }

  #giveUp(code: "timeout" | "no-accept", message: string): void {
    this.#home.send(RecordType.cancel, Buffer.alloc(0));
    this.fail({ code, message, status: null });
  }

  fail(error: AttemptError, by: EndedBy = "exchange"): void {
    if (this.#close(by)) this.#handlers.onError(error, this.clock());
  }

  /** The agent's word does not reach us in time: it is told to stop, for when it hears again. */
  lose(message: string): void {
    this.#home.send(RecordType.cancel, Buffer.alloc(0));
    this.fail({ code: "link-lost", message, status: null });
  }

  cancel(): void {
    if (this.#close("exchange")) this.#home.send(RecordType.cancel, Buffer.alloc(0));
  }

  grant(bytes: number): void {
    if (this.#isOver || bytes <= 0) return;
    this.#creditBytes += bytes;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(bytes);
    this.#home.send(RecordType.credit, payload);
  }

  #close(by: EndedBy): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#body = null;
    clearTimeout(this.#firstTokenTimer);
    clearTimeout(this.#acceptTimer);
    this.#home.onOver(by);
    return true;
  }
}
