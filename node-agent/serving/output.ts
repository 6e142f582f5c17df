/**
 * The agent's half of a delivery's stream: records in order, output cut to what a record and the
 * credit hold, counted and digested. The backend is not read while output waits here.
 */
import { createHash } from "node:crypto";
import { BackendError } from "#agent/backends/backend-error.ts";
import type { DeliveryEnd, DeliveryError } from "#protocol/link-messages.ts";
import type { Departure } from "#protocol/link-outbox.ts";
import {
  encodeRecord,
  encodeTextRecord,
  FLAG_FINAL,
  RECORD_PAYLOAD_BYTES_MAX,
  RecordType,
} from "#protocol/link-records.ts";
import type { Credit } from "./credit.ts";
import type { DeliveryLink } from "./delivery.ts";
import { CHARACTER_BYTES_MAX, textCut } from "./payload-cut.ts";

/** Text that is kept for the digest, in characters. */
const UNDIGESTED_CHARACTERS_MAX = 512;

export interface OutputDependencies {
  link: DeliveryLink;
  credit: Credit;
  /** Ends every wait, with its reason. */
  signal: AbortSignal;
}

/** How the backend's answer ended; what was sent of it is counted here. */
export type AnswerEnd = Omit<DeliveryEnd, "outputBytes" | "outputSha256">;

export class Output {
  readonly #stream: number;
  readonly #link: DeliveryLink;
  readonly #credit: Credit;
  readonly #signal: AbortSignal;
  readonly #hash = createHash("sha256");
  #undigested = "";
  #sequence = 0;
  #bytes = 0;

  constructor({ stream }: { stream: number }, { link, credit, signal }: OutputDependencies) {
    this.#stream = stream;
    this.#link = link;
    this.#credit = credit;
    this.#signal = signal;
  }

  /** Output bytes sent so far. */
  get bytes(): number {
    return this.#bytes;
  }

  accept(): void {
    this.#send(RecordType.accepted, Buffer.alloc(0));
  }

  /** Sends text of choice 0; a promise when it has to wait. Throws `CreditTimeout`, or the signal's reason. */
  text(text: string): Promise<void> | null {
    if (text === "") return null;
    // Half a surrogate pair becomes a sign of its own here, whatever follows it in the digest.
    const whole = text.toWellFormed();
    this.#undigested += whole;
    if (this.#undigested.length > UNDIGESTED_CHARACTERS_MAX) this.#digest();
    const bytes = Buffer.byteLength(whole);
    if (!this.#hasRoom(bytes)) return this.#textInParts(Buffer.from(whole));
    this.#credit.spend(bytes);
    const record = encodeTextRecord(RecordType.delta, this.#stream, this.#sequence, whole, bytes);
    this.#sequence += 1;
    const departure = this.#textDeparture();
    this.#bytes += bytes;
    this.#link.sendRecord(record, departure);
    return null;
  }

  async #textInParts(text: Buffer): Promise<void> {
    let rest = text;
    for (let count = 1; rest.length > 0; count = 0) {
      await this.#allowance(Math.min(rest.length, CHARACTER_BYTES_MAX));
      const length = textCut(rest, Math.min(this.#credit.bytes, RECORD_PAYLOAD_BYTES_MAX));
      const part = rest.subarray(0, length);
      this.#put(RecordType.delta, part, { count, departure: this.#textDeparture() });
      rest = rest.subarray(length);
    }
  }

  /** Sends a chunk as the backend made it, which cannot be cut; it is not part of the digest. */
  event(json: string): Promise<void> | null {
    const payload = Buffer.from(json);
    if (payload.length > RECORD_PAYLOAD_BYTES_MAX) {
      throw new BackendError(
        "backend-failed",
        `a chunk of ${payload.length} bytes, at most ${RECORD_PAYLOAD_BYTES_MAX}`,
      );
    }
    const put = () =>
      this.#put(RecordType.event, payload, { departure: this.#bytes === 0 ? "now" : "turn" });
    if (!this.#hasRoom(payload.length)) return this.#allowance(payload.length).then(put);
    put();
    return null;
  }

  /** Sends an answer that is not streamed. */
  async body(body: Buffer): Promise<void> {
    let rest = body;
    do {
      await this.#allowance(Math.min(1, rest.length));
      const length = Math.min(rest.length, this.#credit.bytes, RECORD_PAYLOAD_BYTES_MAX);
      const part = rest.subarray(0, length);
      rest = rest.subarray(length);
      this.#hash.update(part);
      this.#put(RecordType.body, part, { flags: rest.length === 0 ? FLAG_FINAL : 0 });
    } while (rest.length > 0);
  }

  end(end: AnswerEnd): void {
    this.#digest();
    const outputSha256 = this.#hash.digest("hex");
    const record: DeliveryEnd = { ...end, outputBytes: this.#bytes, outputSha256 };
    this.#send(RecordType.end, Buffer.from(JSON.stringify(record)));
  }

  fail(error: DeliveryError): void {
    this.#send(RecordType.error, Buffer.from(JSON.stringify(error)));
  }

  /** The first output is what somebody waits for; later text may be sent with other text. */
  #textDeparture(): Departure {
    return this.#bytes === 0 ? "now" : "patient";
  }

  /** Small parts of text are digested together: each update costs more than its bytes. */
  #digest(): void {
    if (this.#undigested === "") return;
    this.#hash.update(this.#undigested);
    this.#undigested = "";
  }

  /** Whether so many bytes fit into a record and may be sent now. Throws the signal's reason. */
  #hasRoom(bytes: number): boolean {
    this.#signal.throwIfAborted();
    if (bytes > RECORD_PAYLOAD_BYTES_MAX || bytes > this.#credit.bytes) return false;
    return this.#link.room() === null;
  }

  /** Waits until so many bytes may be sent, and until the socket has room. */
  async #allowance(bytes: number): Promise<void> {
    await this.#credit.atLeast(bytes, this.#signal);
    const room = this.#link.room();
    if (room !== null) await room;
    this.#signal.throwIfAborted();
  }

  #put(
    type: RecordType,
    payload: Buffer,
    options: { count?: number; flags?: number; departure?: Departure },
  ): void {
    this.#credit.spend(payload.length);
    this.#bytes += payload.length;
    this.#send(type, payload, options);
  }

  #send(
    type: RecordType,
    payload: Buffer,
    options: { count?: number; flags?: number; departure?: Departure } = {},
  ): void {
    const { departure, ...fields } = options;
    const record = encodeRecord(type, this.#stream, this.#sequence, payload, fields);
    this.#sequence += 1;
    this.#link.sendRecord(record, departure);
  }
}
