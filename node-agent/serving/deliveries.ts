/** All deliveries of one link: opened by their head, served a few at a time, forgotten at their end. */
import type { BackendClient } from "#agent/backends/openai-client.ts";
import {
  type DeliveryError,
  decodeRequestHead,
  type RequestHead,
} from "#protocol/link-messages.ts";
import { encodeRecord, type LinkRecord, RecordType } from "#protocol/link-records.ts";
import type { AcceptedAttempts } from "./accepted-attempts.ts";
import { CREDIT_TIMEOUT_MS } from "./credit.ts";
import { Delivery, type DeliveryLink, type DeliveryReport } from "./delivery.ts";

/** Deliveries beyond the slots; the exchange keeps to the slots, so this is slack. */
export const QUEUED_DELIVERIES_MAX = 4;
/** Largest request body taken, whatever the head says. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

export interface DeliveriesOptions {
  /** Deliveries served at the same time. */
  slots: number;
  creditTimeoutMs?: number;
}

export interface DeliveriesDependencies {
  backend: BackendClient;
  /** What was accepted before, by this process or a former one. */
  accepted: AcceptedAttempts;
  /** Told once of every delivery that was taken up and ended, however it did. */
  onReport(report: DeliveryReport): void;
}

export class Deliveries {
  readonly #open = new Map<number, Delivery>();
  readonly #slots: number;
  readonly #creditTimeoutMs: number;
  readonly #dependencies: DeliveriesDependencies;
  /** Whole requests that wait for a slot; `#refusal` bounds what is open, and so them. */
  #waiting: Delivery[] = [];
  #running = 0;
  #idleWaiters: (() => void)[] = [];
  #lastStream = 0;

  constructor(options: DeliveriesOptions, dependencies: DeliveriesDependencies) {
    this.#slots = options.slots;
    this.#creditTimeoutMs = options.creditTimeoutMs ?? CREDIT_TIMEOUT_MS;
    this.#dependencies = dependencies;
  }

  /** Deliveries that are open: running, waiting, or not yet here as a whole. */
  get active(): number {
    return this.#open.size;
  }

  /** Takes a record of a delivery's stream. Throws on what breaks the protocol. */
  receive(record: LinkRecord, link: DeliveryLink): void {
    const { stream } = record;
    if (record.type === RecordType.requestHead) {
      this.#admit(record, link);
      return;
    }
    if (stream > this.#lastStream) throw new Error(`stream ${stream} has no head`);
    const delivery = this.#open.get(stream);
    // What is under way to a delivery that just ended counts for nothing.
    if (delivery?.receive(record) === "complete") this.#start(delivery);
  }

  #admit(record: LinkRecord, link: DeliveryLink): void {
    const { stream } = record;
    if (stream <= this.#lastStream) throw new Error(`stream ${stream} was used before`);
    if (record.sequence !== 0) {
      throw new Error(`sequence ${record.sequence} on stream ${stream}, expected 0`);
    }
    const head = decodeRequestHead(record.payload);
    if (!head.ok) throw new Error(head.reason);
    this.#lastStream = stream;
    const refusal = this.#refusal(head.message);
    if (refusal !== null) {
      const payload = Buffer.from(JSON.stringify({ ...refusal, status: null }));
      link.sendRecord(encodeRecord(RecordType.error, stream, 0, payload));
      return;
    }
    const { backend, onReport } = this.#dependencies;
    const delivery = new Delivery(
      { stream, head: head.message, creditTimeoutMs: this.#creditTimeoutMs },
      {
        link,
        backend,
        onOver: (report) => {
          // Another link may have opened a stream of the same number meanwhile.
          if (this.#open.get(stream) === delivery) this.#open.delete(stream);
          // Cancelled, it may still wait for a slot.
          if (this.#waiting.length > 0)
            this.#waiting = this.#waiting.filter((one) => one !== delivery);
          onReport(report);
        },
      },
    );
    this.#open.set(stream, delivery);
  }

  /** Why a delivery is not taken up, before a byte of it is kept. */
  #refusal({ attemptId, bodyBytes }: RequestHead): Pick<DeliveryError, "code" | "message"> | null {
    if (this.#open.size >= this.#slots + QUEUED_DELIVERIES_MAX) {
      return { code: "busy", message: "every slot is taken" };
    }
    if (bodyBytes > BODY_BYTES_MAX) {
      const message = `a request of ${bodyBytes} bytes, at most ${BODY_BYTES_MAX}`;
      return { code: "bad-request", message };
    }
    if (!this.#dependencies.accepted.claim(attemptId)) {
      const message = `attempt ${attemptId} was accepted before`;
      return { code: "duplicate-attempt", message };
    }
    return null;
  }

  #start(delivery: Delivery): void {
    if (this.#running < this.#slots) void this.#run(delivery);
    else this.#waiting.push(delivery);
  }

  async #run(delivery: Delivery): Promise<void> {
    this.#running += 1;
    try {
      await delivery.run();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#run(next);
    else if (this.#running === 0) for (const tell of this.#idleWaiters.splice(0)) tell();
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Attempts that are open. */
  attempts(): string[] {
    return [...this.#open.values()].map(({ attemptId }) => attemptId);
  }

  /** Stops these attempts: they are not open at the exchange. */
  cancel(attemptIds: readonly string[]): void {
    const gone = new Set(attemptIds);
    for (const delivery of [...this.#open.values()]) {
      if (gone.has(delivery.attemptId)) delivery.cancel();
    }
  }

  /** Ends everything with an error, and says so. */
  failAll(error: Error): void {
    for (const delivery of [...this.#open.values()]) delivery.fail(error);
  }

  /** Stops everything: the session is over, nobody would get the output. The next one begins anew. */
  cancelAll(): void {
    for (const delivery of [...this.#open.values()]) delivery.cancel();
    this.#lastStream = 0;
  }
}
