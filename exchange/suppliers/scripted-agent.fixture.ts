/** A supplier's node for tests that counts as the protocol wants it, and breaks it where it is told to. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import {
  type AgentChannelMessage,
  decodeExchangeChannel,
  type ExchangeChannelMessage,
  type Hello,
  type Welcome,
} from "#protocol/link-channel.ts";
import { decodeFromExchange, type FromAgent, type FromExchange } from "#protocol/link-messages.ts";
import {
  decodeRecords,
  encodeAcknowledgement,
  encodeJsonRecord,
  encodeRecord,
  LINK_MESSAGE_BYTES_MAX,
  LINK_SUBPROTOCOL,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import { createIdentity, type Identity, linkTranscript } from "#protocol/signing.ts";

const HANDSHAKE = new Set(["challenge", "welcome", "refused"]);

/** Polls until `read` gives a value that is not undefined. */
export async function eventually<T>(what: string, read: () => T | undefined): Promise<T> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const value = read();
    if (value !== undefined) return value;
    if (performance.now() > deadlineMs) throw new Error(`${what} did not happen within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A node whose every record the test sends by itself. */
export class ScriptedAgent {
  readonly account: number;
  readonly identity: Identity = createIdentity();
  readonly heard: ExchangeChannelMessage[] = [];
  readonly messages: FromExchange[] = [];
  readonly records: LinkRecord[] = [];
  /** The socket dialled last, and the one that carries the session. */
  socket: WebSocket | null = null;
  carrier: WebSocket | null = null;
  closes: { code: number; reason: string }[] = [];
  welcome: Welcome | null = null;
  /** Records of the session taken and sent so far. */
  taken = 0;
  readonly sent: Buffer[] = [];
  /** Whether pings are answered and records acknowledged. */
  isSilent = false;
  readonly #url: string;
  #joinToken: string | undefined;
  #controlSent = 0;
  readonly #sequences = new Map<number, number>();
  readonly #outputs = new Map<number, Buffer>();

  constructor(url: string, { account, joinToken }: { account: number; joinToken: string }) {
    this.#url = url;
    this.account = account;
    this.#joinToken = joinToken;
  }

  /** Opens a socket and proves the key; resolves with the welcome or the refusal. */
  async dial(session?: Hello["session"]): Promise<ExchangeChannelMessage> {
    const socket = new WebSocket(this.#url, LINK_SUBPROTOCOL, {
      maxPayload: LINK_MESSAGE_BYTES_MAX,
    });
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", (code, reason) => this.closes.push({ code, reason: String(reason) }));
    socket.on("message", (data: Buffer) => this.#receive(data, socket));
    const hello: Hello = {
      type: "hello",
      versionMin: 1,
      versionMax: 1,
      capabilities: [],
      nodePublicKey: this.identity.publicKey.toString("base64url"),
      nodeName: "scripted",
      agentNonce: Buffer.alloc(32).toString("base64url"),
      build: "test",
      ...(this.#joinToken === undefined ? {} : { joinToken: this.#joinToken }),
      ...(session === undefined ? {} : { session }),
    };
    const answers = () => this.heard.filter(({ type }) => HANDSHAKE.has(type));
    const before = answers().length;
    await once(socket, "open");
    this.#channel(hello, socket);
    const answer = await eventually("an answer to the hello", () => answers()[before]);
    if (answer.type !== "challenge") return answer;
    const signature = this.identity
      .sign(
        linkTranscript("node", {
          version: 1,
          exchangePublicKey: answer.exchangePublicKey,
          nodePublicKey: hello.nodePublicKey,
          agentNonce: hello.agentNonce,
          exchangeNonce: answer.exchangeNonce,
          hello: Buffer.from(JSON.stringify(hello)),
        }),
      )
      .toString("base64url");
    this.#channel({ type: "auth", signature }, socket);
    const welcome = await eventually("the welcome", () => answers()[before + 1]);
    if (welcome.type === "welcome") {
      this.#joinToken = undefined;
      this.welcome = welcome;
    }
    return welcome;
  }

  /** What a hello says of the session that is open. */
  session(onlyThis = false): NonNullable<Hello["session"]> {
    return { id: this.welcome?.sessionId ?? "", epoch: this.welcome?.epoch ?? 0, onlyThis };
  }

  /** Moves the session to the socket dialled last, and sends what the exchange lacks. */
  async attach(received = this.taken): Promise<void> {
    const { socket } = this;
    const before = this.heard.length;
    this.carrier = socket;
    this.#channel({ type: "attach", received }, socket);
    const attached = await eventually("the attachment", () =>
      this.heard.slice(before).find((message) => message.type === "attached"),
    );
    for (const record of this.sent.slice(attached.received)) socket?.send(record);
  }

  /** Dials for the session and moves it. */
  async resume(): Promise<void> {
    await this.dial(this.session());
    await this.attach();
  }

  #receive(data: Buffer, socket: WebSocket): void {
    for (const record of decodeRecords(data)) {
      if (record.type === RecordType.channel) {
        const decoded = decodeExchangeChannel(record.payload);
        if (!decoded.ok) throw new Error(decoded.reason);
        const { message } = decoded;
        this.heard.push(message);
        if (message.type === "ping" && !this.isSilent) {
          this.#channel({ type: "pong", sentAtMs: message.sentAtMs }, socket);
        }
      } else if (record.type !== RecordType.acknowledgement && socket === this.carrier) {
        this.taken += 1;
        if (record.stream === 0) this.#hear(record);
        else this.records.push({ ...record, payload: Buffer.from(record.payload) });
      }
    }
    if (!this.isSilent && socket === this.carrier) socket.send(encodeAcknowledgement(this.taken));
  }

  #hear({ payload }: LinkRecord): void {
    const decoded = decodeFromExchange(payload);
    if (!decoded.ok) throw new Error(decoded.reason);
    this.messages.push(decoded.message);
  }

  #channel(message: AgentChannelMessage, socket: WebSocket | null): void {
    socket?.send(encodeJsonRecord(RecordType.channel, 0, 0, message));
  }

  /** Sends a message of the carrying socket itself. */
  channel(message: AgentChannelMessage): void {
    this.#channel(message, this.carrier);
  }

  say(message: FromAgent): void {
    this.push(encodeJsonRecord(RecordType.control, 0, this.#controlSent, message));
    this.#controlSent += 1;
  }

  /** Sends a record of the session, and keeps it to send again. */
  push(record: Buffer): void {
    this.sent.push(record);
    this.raw(record);
  }

  /** Sends bytes past all counting. */
  raw(bytes: Buffer): void {
    if (this.carrier?.readyState === WebSocket.OPEN) this.carrier.send(bytes);
  }

  record(
    type: RecordType,
    stream: number,
    payload: Uint8Array | string = "",
    options: { sequence?: number; flags?: number } = {},
  ): void {
    const sequence = options.sequence ?? this.#sequences.get(stream) ?? 0;
    this.#sequences.set(stream, sequence + 1);
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    if (type === RecordType.delta || type === RecordType.body) {
      this.#outputs.set(
        stream,
        Buffer.concat([this.#outputs.get(stream) ?? Buffer.alloc(0), bytes]),
      );
    }
    this.push(encodeRecord(type, stream, sequence, bytes, { flags: options.flags ?? 0 }));
  }

  accept(stream: number): void {
    this.record(RecordType.accepted, stream);
  }

  delta(stream: number, text: string): void {
    this.record(RecordType.delta, stream, text);
  }

  /** Ends a stream, signing for what was sent on it. */
  end(stream: number, outputBytes: number, outputSha256 = this.#digestOf(stream)): void {
    const end = {
      finishReason: "stop",
      reportedPromptTokens: null,
      reportedCompletionTokens: null,
      outputBytes,
      outputSha256,
    };
    this.record(RecordType.end, stream, JSON.stringify(end));
  }

  #digestOf(stream: number): string {
    return createHash("sha256")
      .update(this.#outputs.get(stream) ?? "")
      .digest("hex");
  }

  /** Waits for a stream's request to have come as a whole. */
  request(stream: number): Promise<LinkRecord> {
    return eventually(`the request of stream ${stream}`, () =>
      this.records.find(
        (record) =>
          record.stream === stream && record.type === RecordType.requestBody && record.flags === 1,
      ),
    );
  }

  cancelled(stream: number): boolean {
    return this.records.some(
      (record) => record.stream === stream && record.type === RecordType.cancel,
    );
  }

  /** Cuts the last socket without a word. */
  cut(): void {
    this.carrier?.terminate();
    this.socket?.terminate();
  }

  /** Waits for a close of a socket. */
  closed(index = 0): Promise<{ code: number; reason: string }> {
    return eventually(`close ${index}`, () => this.closes[index]);
  }
}
