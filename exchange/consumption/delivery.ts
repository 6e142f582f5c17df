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
import { Ending } from "./ending.ts";
import { isBuyersMistake } from "./failure.ts";
import { dispatchHeld } from "./held-attempt.ts";
import { blamedFor, measureAttempt } from "./measured.ts";
import { NO_BODY } from "./request-body.ts";

/** Serves one admitted request: call `run` once, then tell it what the client does. */
export class Delivery {
  readonly #asked: DeliveryRequest;
  readonly #client: Client;
  readonly #dependencies: DeliveryDependencies;
  readonly #booking: Booking;
  readonly #watch: Watch;
  readonly #credit: Credit;
  readonly #ending: Ending;
  readonly #startedMs: number;
  #done: () => void = () => {};
  #output = new AttemptOutput({ limitTokens: 0, choices: 1 });
  #reserved: Reserved | null = null;
  #attempt: Attempt | null = null;
  #begun = false;
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
    this.#credit = new Credit(this.#watch, dependencies.grants);
    this.#startedMs = dependencies.clock.monotonicMs();
    this.#ending = new Ending({
      booking: this.#booking,
      client,
      clock: dependencies.clock,
      startedMs: this.#startedMs,
      onOver: () => this.#done(),
    });
  }

  /** Resolves when the delivery is over, whatever its end. */
  async run(): Promise<void> {
    const { request, promptTokens, buyer, requestId } = this.#asked;
    const { symbol, maxOutputTokens, choices } = request;
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
    if (this.#ending.isOver) return;
    this.#attempt?.cancel("service stopping");
    const message = "the exchange is stopping";
    this.#release("excused", "service-stopping", () => {
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
    this.#asked.request.body = NO_BODY;
    this.#asked.dropBody();
    this.#client.begin(this.#reserved);
  }

  #came(bytes: number): void {
    this.#firstMs ??= this.#dependencies.clock.monotonicMs();
    this.#credit.used(bytes);
  }

  #limitReached(cause: string): void {
    this.#attempt?.cancel(cause);
    this.#settle("length", cause, null);
  }

  #leave(cause: string): void {
    if (this.#ending.isOver) return;
    this.#attempt?.cancel(cause);
    if (this.#begun) this.#settle(null, cause, null);
    else this.#release("excused", cause);
  }

  #outOfTime(): void {
    if (this.#begun) {
      this.#limitReached("time-limit");
      return;
    }
    this.#attempt?.cancel("time-limit");
    const message = "the request took longer than a delivery may";
    this.#release("failed", blamedFor("time-limit", this.#dependencies.load), () =>
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
    this.#settle(end.finishReason, "done", end, choices);
  }

  #settle(
    finishReason: string | null,
    cause: string,
    end: DeliveryEnd | null,
    choices: readonly object[] | null = null,
  ): void {
    const reserved = this.#reserved;
    if (this.#ending.isOver || reserved === null) return;
    const measured = measureAttempt(this.#attempt, this.#asked.request, this.#dependencies, {
      outputTokens: this.#output.tokens(),
      clientWaitMs: this.#watch.clientWaitMs,
    });
    this.#watch.close();
    void this.#ending.settle({
      ...{ reserved, output: this.#output, measured, finishReason, cause, end, choices },
      ...{ firstMs: this.#firstMs, hasBegun: this.#begun },
    });
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
    if (this.#ending.isOver || reserved === null) return;
    const cause = blamedFor(code, this.#dependencies.load);
    if (this.#begun) {
      this.#release("failed", cause, () => this.#client.abort(message));
      return;
    }
    if (isBuyersMistake(error)) {
      this.#release("excused", "buyer-refused", () =>
        this.#client.refuse("backend-refused", message, status ?? undefined),
      );
      return;
    }
    const booked = this.#booking.retry(reserved, cause);
    if (booked.ok) {
      this.#dispatch(booked.reserved, booked.released);
      return;
    }
    if (booked.code === "poison-request") {
      const { request, buyer } = this.#asked;
      this.#dependencies.poison.add(buyer.keyId, request.body);
      this.#release("excused", "poison-request", () =>
        this.#client.refuse("poison-request", `${message}; ${booked.message}. Nothing was billed.`),
      );
      return;
    }
    const why = `${message}; ${booked.message}. Nothing was billed.`;
    const refusal = code === "busy" ? "no-supplier" : "supplier-failed";
    this.#release("failed", cause, () => this.#client.refuse(refusal, why));
  }

  #release(verdict: "failed" | "excused", cause: string, tell?: () => void): void {
    if (this.#ending.isOver || this.#reserved === null) return;
    this.#watch.close();
    const completionTokens = this.#output.tokens();
    void this.#ending.release(this.#reserved, { verdict, cause, completionTokens }, tell);
  }
}
