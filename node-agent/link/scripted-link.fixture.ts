/** One link of the scripted exchange, as a test sees it: what came over it, and what to send. */
import { once } from "node:events";
import type { WebSocket } from "ws";
import type { Instrument } from "#protocol/instrument.ts";
import {
  type Call,
  decodeFromAgent,
  type FromAgent,
  type FromExchange,
  type Hello,
  type RequestHead,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeJsonRecord,
  encodeRecord,
  FLAG_FINAL,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";

export const INSTRUMENT: Instrument = {
  symbol: "text-test",
  name: "Text Test",
  description: "For tests.",
  version: 1,
  qualityScoreMin: null,
  qualityIndex: "none",
  firstTokenMsMax: 5_000,
  tokensPerSecondMin: 5,
  contextTokensMin: 2_048,
  outputTokensMin: 256,
  errorRateMax: 0.02,
  uptimeMin: 0.97,
  defaultMaxOutputTokens: 512,
  bodyBytesMax: 262_144,
  incrementTokens: 10_000,
  tickMicrosPerUnit: 100,
  orderIncrementsMax: 1_000_000,
  priceTicksMax: 10_000_000,
  referenceTokenizer: "o200k_base",
};

/** Polls until `read` gives a value that is not undefined. */
export async function eventually<T>(what: string, read: () => T | undefined): Promise<T> {
  const deadlineMs = performance.now() + 5_000;
  for (;;) {
    const value = read();
    if (value !== undefined) return value;
    if (performance.now() > deadlineMs) throw new Error(`${what} did not happen within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The exchange's end of one welcomed link. */
export class ScriptedLink {
  readonly hello: Hello;
  readonly messages: FromAgent[] = [];
  readonly records: LinkRecord[] = [];
  /** How many records came in each WebSocket message. */
  readonly batches: number[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Records by their order on the wire, across streams. */
  isSilent = false;
  /** Answers the agent's calls; null leaves them unanswered. */
  answer: (call: Call) => unknown = () => null;
  readonly #socket: WebSocket;
  readonly #sequences = new Map<number, number>();
  #sent: number;

  constructor(socket: WebSocket, hello: Hello, sent: number) {
    this.#socket = socket;
    this.hello = hello;
    this.#sent = sent;
    this.closed = once(socket, "close").then(([code, reason]) => ({
      code: code as number,
      reason: String(reason),
    }));
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => this.#receive(data));
  }

  #receive(data: Buffer): void {
    const records = decodeRecords(data);
    this.batches.push(records.length);
    for (const record of records) {
      if (record.stream !== 0) {
        this.records.push(record);
        continue;
      }
      const decoded = decodeFromAgent(record.payload);
      if (!decoded.ok) throw new Error(decoded.reason);
      const { message } = decoded;
      this.messages.push(message);
      if (this.isSilent) continue;
      if (message.type === "ping") this.send({ type: "pong", sentAtMs: message.sentAtMs });
      if (message.type === "call") this.#answerCall(message);
    }
  }

  #answerCall(call: Call): void {
    const result = this.answer(call);
    if (result === null) return;
    if (result instanceof Error) {
      const error = { code: result.name, message: result.message };
      this.send({ type: "reply", id: call.id, ok: false, error });
    } else this.send({ type: "reply", id: call.id, ok: true, result });
  }

  send(message: FromExchange): void {
    this.raw(encodeJsonRecord(RecordType.control, 0, this.#sent, message));
    this.#sent += 1;
  }

  raw(bytes: Buffer): void {
    this.#socket.send(bytes);
  }

  /** Opens a delivery; the body goes in one record. */
  open(stream: number, body: unknown, fields: Partial<RequestHead> = {}): void {
    const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const head: RequestHead = {
      attemptId: `attempt-${stream}`,
      symbol: INSTRUMENT.symbol,
      path: "/v1/chat/completions",
      streamed: true,
      maxOutputTokens: 100,
      bodyBytes: bytes.length,
      firstTokenTimeoutMs: 5_000,
      creditBytes: 65_536,
      ...fields,
    };
    this.sendRecord(RecordType.requestHead, stream, Buffer.from(JSON.stringify(head)));
    this.sendRecord(RecordType.requestBody, stream, bytes, FLAG_FINAL);
  }

  sendRecord(type: RecordType, stream: number, payload: Buffer, flags = 0): void {
    const sequence = this.#sequences.get(stream) ?? 0;
    this.#sequences.set(stream, sequence + 1);
    this.raw(encodeRecord(type, stream, sequence, payload, { flags }));
  }

  grant(stream: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(bytes);
    this.sendRecord(RecordType.credit, stream, payload);
  }

  cancel(stream: number): void {
    this.sendRecord(RecordType.cancel, stream, Buffer.alloc(0));
  }

  recordsOf(stream: number, type?: RecordType): LinkRecord[] {
    return this.records.filter(
      (record) => record.stream === stream && (type === undefined || record.type === type),
    );
  }

  textOf(stream: number): string {
    const parts = this.recordsOf(stream, RecordType.delta).map(({ payload }) => payload);
    return Buffer.concat(parts).toString("utf8");
  }

  /** Waits for the stream's end or error and returns what it says. */
  async endOf(stream: number): Promise<{ type: number; value: Record<string, unknown> }> {
    const last = await eventually(`the end of stream ${stream}`, () =>
      this.recordsOf(stream).find(
        ({ type }) => type === RecordType.end || type === RecordType.error,
      ),
    );
    return { type: last.type, value: JSON.parse(Buffer.from(last.payload).toString("utf8")) };
  }

  /** Waits for a control message of that type. */
  message<T extends FromAgent["type"]>(type: T): Promise<Extract<FromAgent, { type: T }>> {
    return eventually(`a ${type}`, () =>
      this.messages.find(
        (message): message is Extract<FromAgent, { type: T }> => message.type === type,
      ),
    );
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
