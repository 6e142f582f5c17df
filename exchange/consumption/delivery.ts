/**
 * The life of one request: reserve, dispatch, meter, forward, settle. Nothing leaves before what it
 * rests on is durable; before the first byte a failed attempt moves to another supplier, after it
 * the request is free.
 */
import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "#exchange/clock.ts";
import type { Reservation } from "#exchange/core/commands.ts";
import { openaiError, type Refusal } from "#exchange/errors.ts";
import type { Shell } from "#exchange/shell.ts";
import type { Attempt, AttemptError, Dispatcher } from "#exchange/suppliers/dispatcher.ts";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import type { ChatRequest } from "./chat-request.ts";
import { type CompletionMeter, createCompletionMeter, outputTextOf } from "./metering.ts";

/** Silence of a supplier in mid-stream after which the attempt has failed. */
const STALL_TIMEOUT_MS = 30_000;
/** Largest answer that is not streamed. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** Where the output goes. Nothing is called before the reservation is durable. */
export interface Client {
  /** Once, before any output. */
  begin(reservation: Reservation): void;
  /** Text of choice 0; false when the client is slow. */
  text(text: string): boolean;
  /** Choices of a chunk that is more than text. */
  choices(choices: unknown): boolean;
  /** Everything is settled and durable. `answer` is the supplier's body when it was not streamed. */
  end(outcome: DeliveryOutcome): void;
  /** No output was sent: an error in full. */
  refuse(refusal: Refusal, message: string, status?: number): void;
  /** Output was sent: the stream ends with an error, and nothing is billed. */
  abort(message: string): void;
}

export interface DeliveryOutcome {
  reservation: Reservation;
  promptTokens: number;
  completionTokens: number;
  finishReason: string;
  /** Whether the supplier's own finish chunk was forwarded already. */
  finishSent: boolean;
  answer: Record<string, unknown> | null;
  seq: number;
}

export interface DeliveryDependencies {
  shell: Shell;
  dispatcher: Dispatcher;
  clock: Clock;
}

export interface RunningDelivery {
  /** The client left: the backend is stopped, what it got is billed. */
  clientGone(): void;
  /** The client took what was written. */
  drained(): void;
  /** Resolves when the delivery is over, whatever its end. */
  over: Promise<void>;
}

/** Serves one admitted request. */
export function startDelivery(
  request: ChatRequest,
  buyer: { account: number; keyId: string },
  requestId: string,
  client: Client,
  dependencies: DeliveryDependencies,
): RunningDelivery {
  const delivery = new Delivery(request, client, dependencies);
  const over = delivery.run(buyer, requestId);
  return {
    over,
    clientGone: () => delivery.clientGone(),
    drained: () => delivery.drained(),
  };
}

class Delivery {
  readonly #request: ChatRequest;
  readonly #client: Client;
  readonly #shell: Shell;
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  #meter: CompletionMeter = createCompletionMeter(0);
  #reservation: Reservation | null = null;
  #attempt: Attempt | null = null;
  #decoder = new StringDecoder("utf8");
  #begun = false;
  #over = false;
  #finishSent = false;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #ungranted = 0;
  #slow = false;
  #startedMs = 0;
  #firstMs: number | null = null;
  #stall: NodeJS.Timeout | undefined;
  /** Output waits here until the reservation is durable. */
  #durable: Promise<void> = Promise.resolve();
  #held: (() => void)[] | null = null;
  #done: () => void = () => {};

  constructor(request: ChatRequest, client: Client, dependencies: DeliveryDependencies) {
    this.#request = request;
    this.#client = client;
    this.#shell = dependencies.shell;
    this.#dispatcher = dependencies.dispatcher;
    this.#clock = dependencies.clock;
  }

  async run(buyer: { account: number; keyId: string }, requestId: string): Promise<void> {
    const { symbol, promptTokens, maxOutputTokens, choices } = this.#request;
    this.#startedMs = this.#clock.monotonicMs();
    const { outcome, released } = this.#shell.submit({
      type: "reserve-delivery",
      ...buyer,
      symbol,
      promptTokens,
      maxOutputTokens,
      choices,
      requestId,
    });
    if (!outcome.ok) {
      await released;
      this.#client.refuse(outcome.rejection.code, outcome.rejection.message);
      return;
    }
    const finished = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#dispatch(outcome.result, released);
    await finished;
  }

  /** Sends the attempt at once; its output is held until the reservation is durable. */
  #dispatch(reservation: Reservation, released: Promise<void>): void {
    this.#reservation = reservation;
    const { instrument } = this.#shell.state.instruments.get(this.#request.symbol) ?? {};
    const firstTokenTimeoutMs = Math.max(10_000, 3 * (instrument?.firstTokenMsMax ?? 10_000));
    this.#meter = createCompletionMeter(reservation.reservedTokens - reservation.promptTokens);
    this.#decoder = new StringDecoder("utf8");
    const held: (() => void)[] = [];
    this.#held = held;
    this.#durable = released;
    void released.then(() => {
      if (this.#held !== held) return;
      this.#held = null;
      for (const run of held) run();
    });
    const attempt = reservation.attempt;
    const current = (run: () => void) => () => {
      if (this.#over || this.#reservation?.attempt !== attempt) return;
      if (this.#held === null) run();
      else this.#held.push(run);
    };
    const later = (run: () => void) => current(run)();
    this.#attempt = this.#dispatcher.dispatch(
      {
        supplier: reservation.supplier,
        symbol: this.#request.symbol,
        attemptId: randomUUID(),
        streamed: this.#request.streamed,
        maxOutputTokens: reservation.maxOutputTokens,
        body: this.#request.body,
        firstTokenTimeoutMs,
      },
      {
        onDelta: (text) => {
          const characters = this.#decoder.write(text);
          const bytes = text.length;
          later(() => this.#text(characters, bytes));
        },
        onEvent: (json) => {
          const copy = json.toString("utf8");
          later(() => this.#event(copy));
        },
        onBody: (part) => {
          const copy = Buffer.from(part);
          later(() => this.#bodyPart(copy));
        },
        onEnd: (end) => later(() => void this.#ended(end)),
        onError: (error) => later(() => void this.#failed(error)),
      },
    );
    this.#watch();
  }

  /** A supplier that falls silent in mid-stream has failed; a client that reads slowly has not. */
  #watch(): void {
    clearTimeout(this.#stall);
    if (!this.#begun || this.#slow || this.#over) return;
    this.#stall = setTimeout(() => {
      this.#attempt?.cancel("stalled");
      void this.#failed({
        code: "timeout",
        message: `the supplier sent nothing for ${STALL_TIMEOUT_MS} ms`,
        status: null,
      });
    }, STALL_TIMEOUT_MS);
  }

  #begin(): void {
    if (this.#begun || this.#reservation === null) return;
    this.#begun = true;
    this.#firstMs = this.#clock.monotonicMs();
    this.#client.begin(this.#reservation);
  }

  #text(text: string, bytes: number): void {
    if (text === "") return;
    this.#begin();
    const full = this.#meter.add(text);
    this.#forwarded(this.#client.text(text), bytes);
    if (full) this.#limitReached();
  }

  #event(json: string): void {
    let choices: { delta?: unknown; finish_reason?: string | null }[] | undefined;
    try {
      ({ choices } = JSON.parse(json));
    } catch {
      choices = undefined;
    }
    if (!Array.isArray(choices)) {
      this.#attempt?.cancel("malformed chunk");
      void this.#failed({
        code: "backend-stream-broken",
        message: "the supplier sent a chunk that is not one",
        status: null,
      });
      return;
    }
    this.#begin();
    if (choices.some((choice) => choice.finish_reason)) this.#finishSent = true;
    const text = choices.map((choice) => outputTextOf(choice.delta)).join("");
    const full = this.#meter.add(text);
    this.#forwarded(this.#client.choices(choices), Buffer.byteLength(json));
    if (full) this.#limitReached();
  }

  #bodyPart(part: Buffer): void {
    this.#firstMs ??= this.#clock.monotonicMs();
    this.#bodyBytes += part.length;
    if (this.#bodyBytes > BODY_BYTES_MAX) {
      this.#attempt?.cancel("answer too large");
      const message = `the answer is over ${BODY_BYTES_MAX} bytes`;
      void this.#failed({ code: "backend-failed", message, status: null });
      return;
    }
    this.#body.push(part);
    this.#attempt?.grant(part.length);
  }

  /** Credit follows the client: what it has not taken is not asked for. */
  #forwarded(taken: boolean, bytes: number): void {
    this.#ungranted += bytes;
    this.#slow = !taken;
    if (taken) this.#grant();
    this.#watch();
  }

  drained(): void {
    this.#slow = false;
    this.#grant();
    this.#watch();
  }

  #grant(): void {
    if (this.#ungranted === 0) return;
    this.#attempt?.grant(this.#ungranted);
    this.#ungranted = 0;
  }

  #limitReached(): void {
    this.#attempt?.cancel("reservation used");
    void this.#settle("length", "reservation-used", null);
  }

  clientGone(): void {
    if (this.#over) return;
    this.#attempt?.cancel("client gone");
    if (this.#begun) void this.#settle("stop", "client-gone", null);
    else void this.#release("excused", "client-gone");
  }

  async #ended(end: DeliveryEnd): Promise<void> {
    if (this.#request.streamed) {
      this.#begin();
      await this.#settle(end.finishReason ?? "stop", "done", end);
      return;
    }
    let answer: Record<string, unknown>;
    try {
      answer = JSON.parse(Buffer.concat(this.#body).toString("utf8"));
    } catch {
      await this.#failed({
        code: "backend-failed",
        message: "the answer is not JSON",
        status: null,
      });
      return;
    }
    const choices = Array.isArray(answer.choices) ? answer.choices : [];
    for (const choice of choices) this.#meter.add(outputTextOf(choice?.message));
    await this.#settle(end.finishReason ?? "stop", "done", end, answer);
  }

  async #settle(
    finishReason: string,
    cause: string,
    end: DeliveryEnd | null,
    answer: Record<string, unknown> | null = null,
  ): Promise<void> {
    const reservation = this.#close();
    if (reservation === null) return;
    const promptTokens = reservation.promptTokens;
    const completionTokens = this.#meter.total();
    const nowMs = this.#clock.monotonicMs();
    const reported = end?.reportedCompletionTokens ?? null;
    const settled = await this.#shell.execute({
      type: "settle-delivery",
      delivery: reservation.delivery,
      attempt: reservation.attempt,
      promptTokens,
      completionTokens,
      firstTokenMs: this.#firstMs === null ? null : Math.round(this.#firstMs - this.#startedMs),
      durationMs: Math.round(nowMs - this.#startedMs),
      reportedTokens: reported === null ? null : (end?.reportedPromptTokens ?? 0) + reported,
      outputSha256: end?.outputSha256 ?? null,
      finishReason,
      cause,
    });
    if (settled.ok) {
      this.#client.end({
        reservation,
        promptTokens,
        completionTokens,
        finishReason,
        finishSent: this.#finishSent,
        answer,
        seq: settled.seq,
      });
    } else if (this.#begun) this.#client.abort("the delivery took longer than it may");
    else this.#client.refuse("supplier-failed", "the delivery took longer than it may");
    this.#done();
  }

  /** Before the first byte: another supplier. After it, or when there is none: the request is free. */
  async #failed(error: AttemptError): Promise<void> {
    const reservation = this.#reservation;
    if (reservation === null || this.#over) return;
    if (error.code === "backend-refused" || error.code === "bad-request") {
      await this.#release("excused", error.code);
      this.#client.refuse("backend-refused", error.message, error.status ?? 400);
      return;
    }
    if (this.#begun) {
      await this.#release("failed", error.code);
      this.#client.abort(error.message);
      return;
    }
    this.#body = [];
    this.#bodyBytes = 0;
    const { outcome, released } = this.#shell.submit({
      type: "retry-delivery",
      delivery: reservation.delivery,
      attempt: reservation.attempt,
      cause: error.code,
    });
    if (outcome.ok) {
      this.#dispatch(outcome.result, released);
      return;
    }
    await this.#release("failed", error.code);
    const refusal = error.code === "busy" ? "rate-limit-exceeded" : "supplier-failed";
    this.#client.refuse(
      refusal,
      `${error.message}; ${outcome.rejection.message}. Nothing was billed.`,
    );
  }

  async #release(verdict: "failed" | "excused", cause: string): Promise<void> {
    const reservation = this.#close();
    if (reservation === null) return;
    await this.#durable;
    await this.#shell.execute({
      type: "release-delivery",
      delivery: reservation.delivery,
      attempt: reservation.attempt,
      verdict,
      cause,
    });
    this.#done();
  }

  #close(): Reservation | null {
    if (this.#over) return null;
    this.#over = true;
    clearTimeout(this.#stall);
    return this.#reservation;
  }
}

/** The body of an error in mid-stream. */
export function streamErrorBody(message: string): object {
  return openaiError("supplier-failed", `${message}. Nothing was billed.`).body;
}
