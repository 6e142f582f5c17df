/**
 * The link's server over a real core on a real socket, and an agent that says what a test says: it
 * counts as the protocol wants it, and breaks it where it is told to.
 */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { WebSocket } from "ws";
import { systemClock } from "#exchange/clock.ts";
import { createTestMarket, SYMBOL } from "#exchange/core/core.fixture.ts";
import type { Outcome, Shell } from "#exchange/shell.ts";
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
  LINK_SUBPROTOCOL,
  type LinkRecord,
  RecordType,
} from "#protocol/link-records.ts";
import {
  createIdentity,
  createJoinToken,
  type Identity,
  linkTranscript,
  secretHash,
} from "#protocol/signing.ts";
import type {
  Attempt,
  AttemptClock,
  AttemptError,
  AttemptRequest,
  SupplierRegistry,
} from "./dispatcher.ts";
import type { IntegrityEvent } from "./integrity.ts";
import { createLinkServer, type LinkServerOptions } from "./link-server.ts";

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

export type TestLink = Awaited<ReturnType<typeof startLink>>;

export async function startLink(options: LinkServerOptions = {}) {
  const market = createTestMarket();
  const shell: Shell = {
    state: market.state,
    submit(command) {
      const executed = market.tryTo(command);
      const outcome = executed.ok
        ? { ok: true, result: executed.result, seq: market.state.seq }
        : { ok: false, rejection: executed.rejection, seq: market.state.seq };
      return { outcome: outcome as Outcome<never>, released: Promise.resolve() };
    },
    execute: async (command) => shell.submit(command).outcome,
    read: async (view) => view(market.state),
    subscribe: () => () => {},
    stopTrading: () => {},
    stoppedBecause: null,
    close: async () => {},
  };
  const exchangeIdentity = createIdentity();
  const integrity: IntegrityEvent[] = [];
  const links = createLinkServer({
    shell,
    identity: exchangeIdentity,
    clock: systemClock,
    log: pino({ level: "silent" }),
    onIntegrity: (event) => integrity.push(event),
    ...options,
  });
  const server = http.createServer();
  server.on("upgrade", (request, socket, head) => links.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/link/v1`;
  const agents: ScriptedAgent[] = [];

  /** An account with a join token for one node. */
  function supplier(name: string): { account: number; joinToken: string } {
    const account = market.account(name, 0n, "advanced");
    market.deposit(account, 100_000_000n, "bond");
    const joinToken = createJoinToken(exchangeIdentity.publicKey);
    const command = { type: "create-join-token" as const, account, nodesMax: 1 };
    const expiresAtMs = Date.now() + 3_600_000_000_000;
    market.run({ ...command, tokenHash: secretHash(joinToken), expiresAtMs });
    return { account, joinToken };
  }

  return {
    market,
    links,
    registry: links.registry,
    integrity,
    url,
    supplier,
    /** Kinds of what was told so far. */
    kinds: () => integrity.map(({ kind }) => kind),
    /** A linked agent of a supplier of its own, with so many slots. */
    async agent(name: string, slots = 8): Promise<ScriptedAgent> {
      const { account, joinToken } = supplier(name);
      const agent = new ScriptedAgent(url, { account, joinToken });
      agents.push(agent);
      await agent.dial();
      await agent.attach();
      agent.say({
        type: "supply",
        slots,
        instruments: [
          {
            symbol: SYMBOL,
            capacityTokensPerWindow: 1_000_000_000,
            measurement: { requests: 1, errors: 0, firstTokenMsP50: 1, tokensPerSecondP50: 100 },
          },
        ],
      });
      await eventually(
        "the supply",
        () => links.registry.sessionsOf(account)[0]?.supply ?? undefined,
      );
      return agent;
    },
    dispatch: (agent: ScriptedAgent, fields: Partial<AttemptRequest> = {}) =>
      new TestAttempt(links.registry, { supplier: agent.account, ...fields }),
    async close() {
      for (const agent of agents) agent.cut();
      links.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let attempts = 0;
const HANDSHAKE = new Set(["challenge", "welcome", "refused"]);

/** One attempt as whoever dispatched it sees it. */
export class TestAttempt {
  readonly attemptId: string;
  readonly attempt: Attempt;
  text = "";
  ends = 0;
  error: AttemptError | null = null;
  clock: AttemptClock | null = null;

  constructor(registry: SupplierRegistry, fields: Partial<AttemptRequest>) {
    attempts += 1;
    this.attemptId = `attempt-${attempts}`;
    const take = (payload: Buffer) => {
      this.text += payload.toString("latin1");
      this.attempt.grant(payload.length);
    };
    this.attempt = registry.dispatch(
      {
        supplier: 0,
        symbol: SYMBOL,
        attemptId: this.attemptId,
        streamed: true,
        maxOutputTokens: 100,
        body: Buffer.from("{}"),
        firstTokenTimeoutMs: 5_000,
        ...fields,
      },
      {
        onDelta: take,
        onEvent: take,
        onBody: take,
        onEnd: (_end, clock) => {
          this.ends += 1;
          this.clock = clock;
        },
        onError: (error, clock) => {
          this.ends += 1;
          this.error = error;
          this.clock = clock;
        },
      },
    );
  }

  /** Waits for the one end; resolves with the error's code, or "served". */
  ended(): Promise<string> {
    return eventually(`the end of ${this.attemptId}`, () =>
      this.ends > 0 ? (this.error?.code ?? "served") : undefined,
    );
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

  constructor(url: string, { account, joinToken }: { account: number; joinToken: string }) {
    this.#url = url;
    this.account = account;
    this.#joinToken = joinToken;
  }

  /** Opens a socket and proves the key; resolves with the welcome or the refusal. */
  async dial(session?: Hello["session"]): Promise<ExchangeChannelMessage> {
    const socket = new WebSocket(this.#url, LINK_SUBPROTOCOL);
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
    this.push(encodeRecord(type, stream, sequence, bytes, { flags: options.flags ?? 0 }));
  }

  accept(stream: number): void {
    this.record(RecordType.accepted, stream);
  }

  delta(stream: number, text: string): void {
    this.record(RecordType.delta, stream, text);
  }

  end(stream: number, outputBytes: number): void {
    const end = {
      finishReason: "stop",
      reportedPromptTokens: null,
      reportedCompletionTokens: null,
      outputBytes,
      outputSha256: "0".repeat(64),
    };
    this.record(RecordType.end, stream, JSON.stringify(end));
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
