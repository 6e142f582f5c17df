/**
 * The life of one request: reserve, dispatch, meter, forward, settle. Nothing leaves before what it
 * rests on is durable; before the first byte a failed attempt moves to another supplier, after it
 * the request is free.
 */
import { randomUUID } from "node:crypto";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import { AttemptOutput } from "./attempt-output.ts";
import { Booking, type Reserved } from "./booking.ts";
import { Credit } from "./credit.ts";
import type { Client } from "./delivery-client.ts";
import type {
  Attempt,
  AttemptError,
  DeliveryDependencies,
  DeliveryRequest,
} from "./delivery-port.ts";
import { DEFAULT_TIMEOUTS, timeLimitsOf, Watch } from "./delivery-time.ts";
import { dispatchHeld } from "./held-attempt.ts";

/** A backend's refusals that are the buyer's own mistake; any other is the supplier's. */
const BUYER_STATUSES: readonly (number | null)[] = [400, 413, 422];

/** Serves one admitted request: call `run` once, then tell it what the client does. */
export class Delivery {
  readonly #asked: DeliveryRequest;
  readonly #client: Client;
  readonly #dependencies: DeliveryDependencies;
  readonly #booking: Booking;
  readonly #watch: Watch;
  readonly #credit: Credit;
  #done: () => void = () => {};
  #output = new AttemptOutput({ limitTokens: 0, choices: 1 });
  #reserved: Reserved | null = null;
  #attempt: Attempt | null = null;
  #begun = false;
  #over = false;
  #startedMs = 0;
  #firstMs: number | null = null;

  constructor(asked: DeliveryRequest, client: Client, dependencies: DeliveryDependencies) {
    this.#asked = asked;
    this.#client = client;
    this.#dependencies = dependencies;
    this.#booking = new Booking(dependencies.shell);
    this.#watch = new Watch(dependencies.timeouts ?? DEFAULT_TIMEOUTS, {
      clock: dependencies.clock,
      supplierSilent: (ms) => this.#broken("timeout", `the supplier sent nothing for ${ms} ms`),
      clientStalled: () => {
        this.#leave("client-stalled");
        this.#client.drop();
      },
      outOfTime: () => this.#outOfTime(),
    });
    this.#credit = new Credit(this.#watch);
  }

  /** Resolves when the delivery is over, whatever its end. */
  async run(): Promise<void> {
    const { request, promptTokens, buyer, requestId } = this.#asked;
    const { symbol, maxOutputTokens, choices } = request;
    this.#startedMs = this.#dependencies.clock.monotonicMs();
    const facts = { ...buyer, symbol, promptTokens, maxOutputTokens, choices, requestId };
    const booked = this.#booking.reserve(facts);
    if (!booked.ok) {
      await booked.released;
      this.#client.refuse(booked.code, booked.message);
      return;
    }
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#dispatch(booked.reserved, booked.released);
    await done;
  }

  /** The client left: the backend is stopped, and what went out so far is billed. */
  clientGone(): void {
    this.#leave("client-gone");
  }

  /** The client took what was written. */
  drained(): void {
    this.#credit.drained();
  }

  /** Ends the delivery because the process stops: free for the buyer, excused for the supplier. */
  stop(): void {
    if (this.#over) return;
    this.#attempt?.cancel("service stopping");
    const message = "the exchange is stopping";
    void this.#release("excused", "service-stopping", () => {
      if (this.#begun) this.#client.abort(message);
      else this.#client.refuse("service-stopping", message);
    });
  }

  /** Sends the attempt at once; its output is held until the reservation is durable. */
  #dispatch(reserved: Reserved, released: Promise<void>): void {
    const { reservation } = reserved;
    const { request } = this.#asked;
    const { shell, dispatcher } = this.#dependencies;
    this.#reserved = reserved;
    const limitTokens = reservation.reservedTokens - reservation.promptTokens;
    this.#output = new AttemptOutput({ limitTokens, choices: request.choices });
    this.#firstMs = null;
    const limits = timeLimitsOf(shell.state, request, reservation.maxOutputTokens);
    this.#watch.start(this.#startedMs + limits.deliveryMsMax);
    this.#attempt = dispatchHeld(
      {
        supplier: reservation.supplier,
        symbol: request.symbol,
        attemptId: randomUUID(),
        streamed: request.streamed,
        maxOutputTokens: reservation.maxOutputTokens,
        body: request.body,
        firstTokenTimeoutMs: limits.firstTokenTimeoutMs,
      },
      {
        text: (text, bytes) => this.#text(text, bytes),
        event: (json, bytes) => this.#event(json, bytes),
        body: (part) => this.#bodyPart(part),
        ended: (end) => this.#ended(end),
        failed: (error) => this.#failed(error),
      },
      { dispatcher, released },
    );
    this.#credit.attach(this.#attempt);
  }

  #text(text: string, bytes: number): void {
    this.#came(bytes);
    // Half a character may come alone.
    if (text !== "") this.#begin();
    const full = this.#output.addText(text);
    this.#credit.forwarded(text === "" || this.#client.text(text));
    if (full) this.#limitReached("reservation-used");
  }

  #event(json: string, bytes: number): void {
    this.#came(bytes);
    const added = this.#output.addChunk(json);
    if (added === null) {
      this.#broken("backend-stream-broken", "the supplier sent a chunk that is not one");
      return;
    }
    const isEmpty = added.choices.length === 0;
    if (!isEmpty) this.#begin();
    this.#credit.forwarded(isEmpty || this.#client.choices(added.choices));
    if (added.full) this.#limitReached("reservation-used");
  }

  #bodyPart(part: Buffer): void {
    this.#came(part.length);
    const problem = this.#output.addBody(part);
    if (problem === null) this.#credit.forwarded(true);
    else this.#broken("backend-failed", problem);
  }

  #begin(): void {
    if (this.#begun || this.#reserved === null) return;
    this.#begun = true;
    this.#client.begin(this.#reserved);
  }

  #came(bytes: number): void {
    this.#firstMs ??= this.#dependencies.clock.monotonicMs();
    this.#credit.used(bytes);
  }

  #limitReached(cause: string): void {
    this.#attempt?.cancel(cause);
    void this.#settle("length", cause, null);
  }

  #leave(cause: string): void {
    if (this.#over) return;
    this.#attempt?.cancel(cause);
    if (this.#begun) void this.#settle(null, cause, null);
    else void this.#release("excused", cause);
  }

  #outOfTime(): void {
    if (this.#begun) {
      this.#limitReached("time-limit");
      return;
    }
    this.#attempt?.cancel("time-limit");
    const message = "the request took longer than a delivery may";
    void this.#release("failed", "time-limit", () =>
      this.#client.refuse("supplier-failed", message),
    );
  }

  #ended(end: DeliveryEnd): void {
    const { streamed } = this.#asked.request;
    const choices = streamed ? null : this.#output.answer();
    if (!streamed && choices === null) {
      this.#broken("backend-failed", "the answer is no chat completion");
      return;
    }
    const finished = end.finishReason !== null || this.#output.finishes.size > 0;
    if (streamed && !this.#begun && !finished) {
      this.#broken("backend-failed", "the stream ended before it began");
      return;
    }
    void this.#settle(end.finishReason, "done", end, choices);
  }

  async #settle(
    finishReason: string | null,
    cause: string,
    end: DeliveryEnd | null,
    choices: readonly object[] | null = null,
  ): Promise<void> {
    const reserved = this.#reserved;
    if (this.#over || reserved === null) return;
    const { promptTokens } = reserved.reservation;
    const completionTokens = this.#output.tokens();
    const outcome = {
      reserved,
      promptTokens,
      completionTokens,
      finishes: this.#output.finishes,
      finishReason: finishReason ?? "stop",
      choices,
    };
    // A prompt alone earns nothing, or an empty answer would be the cheapest way to earn it.
    if (completionTokens === 0) {
      return this.#release("excused", "empty-answer", () => this.#client.end(outcome));
    }
    this.#close();
    const nowMs = this.#dependencies.clock.monotonicMs();
    const reported = end?.reportedCompletionTokens ?? null;
    const settled = await this.#booking.settle(reserved, {
      promptTokens,
      completionTokens,
      firstTokenMs: this.#firstMs === null ? null : Math.round(this.#firstMs - this.#startedMs),
      durationMs: Math.round(nowMs - this.#startedMs),
      measured: { firstTokenMs: null, tokensPerSecond: null },
      reportedTokens: reported === null ? null : (end?.reportedPromptTokens ?? 0) + reported,
      outputSha256: end?.outputSha256 ?? null,
      finishReason,
      cause,
    });
    const message = "the delivery could not be settled";
    if (settled) this.#client.end(outcome);
    else if (this.#begun) this.#client.abort(message);
    else this.#client.refuse("supplier-failed", message);
    this.#done();
  }

  /** The supplier sent something, or nothing, that ends the attempt from our side. */
  #broken(code: string, message: string): void {
    this.#attempt?.cancel(code);
    this.#failed({ code, message, status: null });
  }

  /** Before the first byte: another supplier. After it, or when there is none: the request is free. */
  #failed(error: AttemptError): void {
    const { code, message, status } = error;
    const reserved = this.#reserved;
    if (this.#over || reserved === null) return;
    if (this.#begun) {
      void this.#release("failed", code, () => this.#client.abort(message));
      return;
    }
    if (code === "backend-refused" && status !== null && BUYER_STATUSES.includes(status)) {
      void this.#release("excused", code, () =>
        this.#client.refuse("backend-refused", message, status),
      );
      return;
    }
    const booked = this.#booking.retry(reserved, code);
    if (booked.ok) {
      this.#dispatch(booked.reserved, booked.released);
      return;
    }
    const why = `${message}; ${booked.message}. Nothing was billed.`;
    const refusal = code === "busy" ? "no-supplier" : "supplier-failed";
    void this.#release("failed", code, () => this.#client.refuse(refusal, why));
  }

  /** Gives the reservation back, and tells the client once that is durable. */
  async #release(
    verdict: "failed" | "excused",
    cause: string,
    tell: () => void = () => {},
  ): Promise<void> {
    const reserved = this.#reserved;
    if (this.#over || reserved === null) return;
    this.#close();
    await this.#booking.release(reserved, verdict, cause, this.#output.tokens());
    tell();
    this.#done();
  }

  #close(): void {
    this.#over = true;
    this.#watch.close();
  }
}
