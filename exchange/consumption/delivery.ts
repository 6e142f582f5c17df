/**
 * The life of one request: reserve, dispatch, meter, forward, settle. Nothing leaves before what it
 * rests on is durable; before the first byte a failed attempt moves to another supplier, after it
 * the request is free.
 */
import { randomUUID } from "node:crypto";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import { readEnd } from "./attempt-end.ts";
import { AttemptOutput } from "./attempt-output.ts";
import { AttemptTime } from "./attempt-time.ts";
import { Booking, type Reserved } from "./booking.ts";
import { Credit } from "./credit.ts";
import type { Client } from "./delivery-client.ts";
import type {
  Attempt,
  AttemptError,
  DeliveryDependencies,
  DeliveryRequest,
} from "./delivery-port.ts";
import { DEFAULT_TIMEOUTS, Watch } from "./delivery-time.ts";
import { Ending } from "./ending.ts";
import { Failover, type Saying } from "./failover.ts";
import { isBuyersMistake } from "./failure.ts";
import { dispatchHeld } from "./held-attempt.ts";
import { measureAttempt } from "./measured.ts";
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
  readonly #time: AttemptTime;
  readonly #failover: Failover;
  #done: () => void = () => {};
  #output = new AttemptOutput({ limitTokens: 0, choices: 1 });
  #reserved: Reserved | null = null;
  #attempt: Attempt | null = null;
  #begun = false;
  constructor(asked: DeliveryRequest, client: Client, dependencies: DeliveryDependencies) {
    this.#asked = asked;
    this.#client = client;
    this.#dependencies = dependencies;
    this.#booking = new Booking(dependencies.shell);
    this.#watch = new Watch(dependencies.timeouts ?? DEFAULT_TIMEOUTS, {
      clock: dependencies.clock,
      supplierSilent: (ms) => this.#broken("timeout", `the supplier sent nothing for ${ms} ms`),
      expectedMs: () => this.#time.expectedMs(this.#output.tokens()),
      supplierTooSlow: () =>
        this.#broken("too-slow", "the output came at a tenth of the promised speed or less"),
      clientStalled: () => this.#leave("client-stalled"),
      outOfTime: () => this.#outOfTime(),
    });
    this.#credit = new Credit(this.#watch, dependencies.grants);
    this.#time = new AttemptTime(dependencies.clock);
    this.#failover = new Failover(this.#booking, this.#time);
    this.#ending = new Ending({
      booking: this.#booking,
      client,
      clock: dependencies.clock,
      startedMs: this.#time.startedMs,
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
    const { maxOutputTokens } = reservation;
    const limits = this.#time.start(shell.state, request, maxOutputTokens);
    this.#watch.start(this.#time.startedMs + limits.firstByteMsMax);
    this.#attempt = dispatchHeld(
      {
        supplier: reservation.supplier,
        symbol: request.symbol,
        attemptId: randomUUID(),
        streamed: request.streamed,
        maxOutputTokens,
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
    // Half a character may come alone.
    this.#came(bytes, text !== "");
    if (text !== "") this.#begin();
    const full = this.#output.addText(text);
    this.#credit.forwarded(text === "" || this.#client.text(text));
    if (full) this.#limitReached("reservation-used");
  }

  #event(json: string, bytes: number): void {
    const added = this.#output.addChunk(json);
    this.#came(bytes, added?.hasText ?? false);
    if (added === null) {
      this.#broken("malformed", "the supplier sent a chunk that is not one");
      return;
    }
    if (added.hasText) this.#begin();
    if (!this.#begun && !this.#output.hold(added.choices)) {
      this.#broken("malformed", "the supplier sent chunks without anything in them");
      return;
    }
    const isEmpty = added.choices.length === 0 || !this.#begun;
    this.#credit.forwarded(isEmpty || this.#client.choices(added.choices));
    if (added.full) this.#limitReached("reservation-used");
  }

  #bodyPart(part: Buffer): void {
    this.#came(part.length, true);
    const problem = this.#output.addBody(part);
    if (problem === null) this.#credit.forwarded(true);
    else this.#broken("malformed", problem);
  }

  #begin(): void {
    if (this.#begun || this.#reserved === null) return;
    this.#begun = true;
    this.#asked.request.body = NO_BODY;
    this.#asked.dropBody();
    this.#watch.begun(this.#time.endMs);
    this.#client.begin(this.#reserved);
    const held = this.#output.takeHeld();
    if (held.length > 0) this.#client.choices(held);
  }

  /** Only what is part of the answer counts as a sign of life. */
  #came(bytes: number, isOutput: boolean): void {
    this.#credit.used(bytes);
    if (!isOutput) return;
    this.#time.came();
    this.#watch.supplierSpoke();
  }

  #limitReached(cause: string): void {
    this.#attempt?.cancel(cause);
    this.#settle("length", cause, null);
  }

  #leave(cause: "client-gone" | "client-stalled"): void {
    if (!this.#ending.isOver) {
      this.#attempt?.cancel(cause);
      if (this.#begun) this.#settle(null, cause, null);
      else this.#release("excused", cause);
    }
    if (cause === "client-stalled") this.#client.drop();
  }

  #outOfTime(): void {
    if (this.#begun) {
      this.#limitReached("time-limit");
      return;
    }
    this.#attempt?.cancel("time-limit");
    const message = "the request took longer than a delivery may";
    const cause = this.#time.blamed("time-limit", this.#attempt, this.#dependencies.load);
    this.#release("failed", cause, () => this.#client.refuse("supplier-failed", message));
  }

  #ended(end: DeliveryEnd): void {
    const read = readEnd(end, this.#output, this.#asked.request, this.#begun);
    if (!read.ok) this.#broken(read.cause, read.message);
    else if (this.#output.tokens() > 0 || !this.#askAnother("empty-alone")) {
      this.#settle(read.finishReason, read.cause, end, read.choices);
    }
  }

  /** Whether another supplier is asked because of what the last one said of the request. */
  #askAnother(saying: Saying): boolean {
    if (this.#begun || this.#reserved === null) return false;
    const booked = this.#failover.afterSaying(this.#reserved, saying);
    if (booked === null) return false;
    this.#dispatch(booked.reserved, booked.released);
    return true;
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
      ...{ firstMs: this.#time.firstMs, hasBegun: this.#begun },
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
    const cause = this.#time.blamed(code, this.#attempt, this.#dependencies.load);
    if (this.#begun) {
      this.#release("failed", cause, () => this.#client.abort(message));
      return;
    }
    if (isBuyersMistake(error)) {
      const isConfirmed = this.#failover.wasDoubted("refused-alone");
      if (this.#askAnother("refused-alone")) return;
      this.#release("excused", isConfirmed ? "refused-twice" : "buyer-refused", () =>
        this.#client.refuse("backend-refused", message, status ?? undefined),
      );
      return;
    }
    const booked = this.#failover.after(reserved, cause);
    if (booked?.ok) {
      this.#dispatch(booked.reserved, booked.released);
    } else if (booked?.code === "poison-request") {
      const { request, buyer } = this.#asked;
      this.#dependencies.poison.add(buyer.keyId, request.body);
      const why = `${message}; ${booked.message}. Nothing was billed.`;
      this.#release("excused", "poison-request", () => this.#client.refuse("poison-request", why));
    } else {
      const why = `${message}; ${booked?.message ?? "there is no time for another supplier"}. Nothing was billed.`;
      const refusal = code === "busy" ? "no-supplier" : "supplier-failed";
      this.#release("failed", cause, () => this.#client.refuse(refusal, why));
    }
  }

  #release(verdict: "failed" | "excused", cause: string, tell?: () => void): void {
    if (this.#ending.isOver || this.#reserved === null) return;
    this.#watch.close();
    const completionTokens = this.#output.tokens();
    void this.#ending.release(this.#reserved, { verdict, cause, completionTokens }, tell);
  }
}
