/** One session of the scripted exchange, as a test sees it: what came over its sockets, and what to send. */
import type { WebSocket } from "ws";
import type { Instrument } from "#protocol/instrument.ts";
import {
  type AgentChannelMessage,
  decodeAgentChannel,
  type ExchangeChannelMessage,
  type Hello,
} from "#protocol/link-channel.ts";
import {
  type Call,
  decodeFromAgent,
  type FromAgent,
  type FromExchange,
  type RequestHead,
} from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeAcknowledgement,
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

/** The exchange's end of one session. */
export class ScriptedLink {
  readonly hello: Hello;
  readonly sessionId: string;
  readonly messages: FromAgent[] = [];
  /** What concerned a socket alone. */
  readonly heard: AgentChannelMessage[] = [];
  readonly records: LinkRecord[] = [];
  /** How many session records came in each WebSocket message that had some. */
  readonly batches: number[] = [];
  /** Resolves when the first socket is gone. */
  readonly closed: Promise<{ code: number; reason: string }>;
  isSilent = false;
  /** Sockets on which nothing goes through any more, either way, though they are open. */
  readonly dead = new Set<WebSocket>();
  /** Answers the agent's calls; null leaves them unanswered. */
  answer: (call: Call) => unknown = () => null;
  /** Times that the agent moved the session to a socket. */
  attachments = 0;
  /** Sockets that are open, the oldest first. */
  readonly sockets: WebSocket[] = [];
  readonly #sequences = new Map<number, number>();
  #carrier: WebSocket | null = null;
  /** Every record of the session, to send again what the agent lacks. */
  readonly #sent: Buffer[] = [];
  #taken = 0;
  #controlSent = 0;
  #onClosed: (end: { code: number; reason: string }) => void;

  constructor(hello: Hello, sessionId: string) {
    this.hello = hello;
    this.sessionId = sessionId;
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    this.#onClosed = resolve;
  }

  join(socket: WebSocket): void {
    this.sockets.push(socket);
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => this.#receive(data, socket));
    socket.on("close", (code, reason) => {
      this.sockets.splice(this.sockets.indexOf(socket), 1);
      if (this.#carrier === socket) this.#carrier = null;
      this.#onClosed({ code, reason: String(reason) });
    });
  }

  #receive(data: Buffer, socket: WebSocket): void {
    if (this.dead.has(socket)) return;
    let counted = 0;
    for (const record of decodeRecords(data)) {
      if (record.type === RecordType.channel) this.#hear(record, socket);
      if (record.type >= RecordType.channel || socket !== this.#carrier) continue;
      this.#taken += 1;
      counted += 1;
      if (record.stream !== 0) {
        this.records.push(record);
        continue;
      }
      const decoded = decodeFromAgent(record.payload);
      if (!decoded.ok) throw new Error(decoded.reason);
      this.messages.push(decoded.message);
      if (this.isSilent) continue;
      if (decoded.message.type === "call") this.#answerCall(decoded.message);
      if (decoded.message.type === "drain") this.send({ type: "draining", open: 0 });
    }
    if (counted === 0) return;
    this.batches.push(counted);
    if (!this.isSilent) socket.send(encodeAcknowledgement(this.#taken));
  }

  #hear({ payload }: LinkRecord, socket: WebSocket): void {
    const decoded = decodeAgentChannel(payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    const { message } = decoded;
    this.heard.push(message);
    if (this.isSilent) return;
    if (message.type === "ping") this.say({ type: "pong", sentAtMs: message.sentAtMs }, socket);
    if (message.type !== "attach") return;
    this.attachments += 1;
    this.#carrier = socket;
    this.say({ type: "attached", received: this.#taken }, socket);
    for (const record of this.#sent.slice(message.received)) socket.send(record);
  }

  say(message: ExchangeChannelMessage, socket = this.#carrier): void {
    socket?.send(encodeJsonRecord(RecordType.channel, 0, 0, message));
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
    this.#push(encodeJsonRecord(RecordType.control, 0, this.#controlSent, message));
    this.#controlSent += 1;
  }

  #push(record: Buffer): void {
    this.#sent.push(record);
    if (this.#carrier !== null && !this.dead.has(this.#carrier)) this.#carrier.send(record);
  }

  /** Sends bytes past all counting. */
  raw(bytes: Buffer): void {
    this.#carrier?.send(bytes);
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
    this.#push(encodeRecord(type, stream, sequence, payload, { flags }));
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

  /** Resolves when the agent has moved the session to a socket so many times. */
  attached(times = 1): Promise<number> {
    return eventually(`attachment ${times}`, () =>
      this.attachments >= times && this.#carrier !== null ? this.attachments : undefined,
    );
  }

  close(code: number, reason: string): void {
    for (const socket of this.sockets) socket.close(code, reason);
  }

  /** Lets nothing through on the socket that carries the session, without closing it. */
  deadenCarrier(): void {
    if (this.#carrier !== null) this.dead.add(this.#carrier);
  }

  /** Cuts the socket that carries the session. */
  cutCarrier(): void {
    this.#carrier?.terminate();
    this.#carrier = null;
  }

  /** Cuts every socket. */
  terminate(): void {
    for (const socket of [...this.sockets]) socket.terminate();
  }
}
