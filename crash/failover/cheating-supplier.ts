/**
 * A supplier that speaks the link's protocol itself, without an agent or a backend, and answers each
 * request by a script: honestly, or by one of the ways to earn what was not earned.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { loadExchangePin, loadIdentity } from "#agent/identity.ts";
import { openLink } from "#agent/link/handshake.ts";
import { AgentSession } from "#agent/link/session.ts";
import type { DeliveryEnd, DeliveryErrorCode } from "#protocol/link-messages.ts";
import { encodeRecord, FLAG_FINAL, type LinkRecord, RecordType } from "#protocol/link-records.ts";
import { answerWords, readQuestion } from "./numbered-answer.ts";

const SLOTS = 16;
const CAPACITY_TOKENS = 400_000_000;
const MEASUREMENT = { requests: 3, errors: 0, firstTokenMsP50: 20, tokensPerSecondP50: 50_000 };

/** Answers one request with whatever the script says. */
export type Script = (voice: StreamVoice, words: readonly string[]) => void | Promise<void>;

/** What can be said on a stream, true or not. */
export class StreamVoice {
  readonly stream: number;
  readonly #session: AgentSession;
  #sequence = 0;
  #output = Buffer.alloc(0);

  constructor(stream: number, session: AgentSession) {
    this.stream = stream;
    this.#session = session;
  }

  accept(): void {
    this.record(RecordType.accepted, Buffer.alloc(0));
  }

  text(text: string): void {
    this.#output = Buffer.concat([this.#output, Buffer.from(text)]);
    this.record(RecordType.delta, Buffer.from(text), { count: 1 });
  }

  /** What an honest agent says at the end, but for the fields given. */
  end(lies: Partial<DeliveryEnd> = {}): void {
    const honest: DeliveryEnd = {
      finishReason: "stop",
      reportedPromptTokens: null,
      reportedCompletionTokens: null,
      outputBytes: this.#output.length,
      outputSha256: createHash("sha256").update(this.#output).digest("hex"),
    };
    this.record(RecordType.end, Buffer.from(JSON.stringify({ ...honest, ...lies })));
  }

  fail(code: DeliveryErrorCode, status: number | null = null): void {
    this.record(RecordType.error, Buffer.from(JSON.stringify({ code, message: code, status })));
  }

  /** Any record, in sequence, or at a stream or sequence of the script's choice. */
  record(
    type: RecordType,
    payload: Buffer,
    at: { stream?: number; sequence?: number; count?: number } = {},
  ): void {
    const { stream = this.stream, count = 0 } = at;
    const sequence = at.sequence ?? this.#sequence;
    if (at.sequence === undefined && stream === this.stream) this.#sequence += 1;
    this.#session.sendRecord(encodeRecord(type, stream, sequence, payload, { count }), "now");
  }
}

export interface ScriptedSupplierOptions {
  name: string;
  dataDir: string;
  exchangeUrl: string;
  joinToken: string;
  symbol: string;
  /** Dollars per Unit. */
  price: string;
  /** Units on offer. */
  units: string;
}

export interface ScriptedSupplier {
  readonly isLinked: boolean;
  /** Plays this to the requests that come from now on. */
  play(script: Script): void;
  /** Links, again if the exchange has closed the link; the ask is placed the first time. */
  link(): Promise<void>;
  close(): Promise<void>;
}

/** Serves honestly until told otherwise. */
export function honestly(voice: StreamVoice, words: readonly string[]): void {
  voice.accept();
  for (const word of words) voice.text(word);
  voice.end();
}

export function createScriptedSupplier(options: ScriptedSupplierOptions): ScriptedSupplier {
  const { name, dataDir, exchangeUrl, joinToken, symbol, price, units } = options;
  const dir = join(dataDir, name);
  const bodies = new Map<number, Buffer[]>();
  let script: Script = honestly;
  let session: AgentSession | null = null;
  let hasAsked = false;

  function take({ type, stream, flags, payload }: LinkRecord, from: AgentSession): void {
    if (type === RecordType.requestHead) bodies.set(stream, []);
    if (type !== RecordType.requestBody) return;
    const body = bodies.get(stream);
    body?.push(Buffer.from(payload));
    if ((flags & FLAG_FINAL) === 0 || body === undefined) return;
    bodies.delete(stream);
    const { messages } = JSON.parse(Buffer.concat(body).toString()) as {
      messages: { content: string }[];
    };
    const question = readQuestion(messages.at(-1)?.content ?? "");
    if (question === null) throw new Error("only questions for numbered words are answered");
    void script(new StreamVoice(stream, from), answerWords(question));
  }

  return {
    get isLinked() {
      return session?.isLinked ?? false;
    },
    play(next) {
      script = next;
    },
    async link() {
      if (session?.isLinked) return;
      const open = await openLink(
        { exchangeUrl, nodeName: name, joinToken, build: "scripted supplier" },
        { identity: loadIdentity(dir), pin: loadExchangePin(dir, joinToken) },
      );
      session = new AgentSession(open.welcome, {
        onRecord: take,
        onFill() {},
        onGoAway() {},
        onResumed() {},
        onCancel() {},
        onClose() {},
        activeDeliveries: () => 0,
        runningAttempts: () => [],
      });
      session.join(open);
      const instruments = [
        { symbol, capacityTokensPerWindow: CAPACITY_TOKENS, measurement: MEASUREMENT },
      ];
      session.send({ type: "supply", slots: SLOTS, instruments });
      if (!hasAsked) await session.call("place-ask", { symbol, price, quantity: units });
      // Behind the answer to a call, the supply that went before it has taken effect.
      else await session.call("list-asks", {});
      hasAsked = true;
    },
    async close() {
      await session?.close("the test is over");
    },
  };
}
