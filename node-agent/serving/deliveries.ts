/** All deliveries of one link: opened by their head, queued within a bound, forgotten at their end. */
import PQueue from "p-queue";
import { BackendError } from "#agent/backends/backend-error.ts";
import type { BackendClient } from "#agent/backends/openai-client.ts";
import type { AgentSession } from "#agent/link/session.ts";
import { decodeRequestHead } from "#protocol/link-messages.ts";
import { type LinkRecord, RecordType } from "#protocol/link-records.ts";
import { Delivery } from "./delivery.ts";

/** Deliveries that may wait for a slot here; the exchange keeps to the slots, so this is slack. */
export const QUEUED_DELIVERIES_MAX = 4;

export class Deliveries {
  readonly #open = new Map<number, Delivery>();
  readonly #queue: PQueue;
  readonly #client: BackendClient;

  constructor(options: { slots: number }, client: BackendClient) {
    // p-queue has no bound of its own: `receive` checks its size before adding.
    this.#queue = new PQueue({ concurrency: options.slots });
    this.#client = client;
  }

  get active(): number {
    return this.#open.size;
  }

  /** Takes a record of a delivery's stream. Throws on what breaks the protocol. */
  receive(record: LinkRecord, session: AgentSession): void {
    const { stream } = record;
    if (record.type === RecordType.requestHead) {
      const head = decodeRequestHead(record.payload);
      if (!head.ok) throw new Error(head.reason);
      if (this.#open.has(stream)) throw new Error(`stream ${stream} is open already`);
      this.#open.set(stream, new Delivery(stream, head.message, session, this.#client));
      return;
    }
    const delivery = this.#open.get(stream);
    // What is under way to a delivery that just ended counts for nothing.
    if (delivery === undefined) return;
    if (record.type === RecordType.requestBody) {
      if (delivery.takeBody(record)) this.#start(stream, delivery);
    } else if (record.type === RecordType.credit) {
      delivery.grant(Buffer.from(record.payload).readUInt32LE(0));
    } else if (record.type === RecordType.cancel) {
      delivery.cancel();
      this.#open.delete(stream);
    } else throw new Error(`record type ${record.type} on a delivery's stream`);
  }

  #start(stream: number, delivery: Delivery): void {
    if (this.#queue.size >= QUEUED_DELIVERIES_MAX) {
      delivery.fail(new BackendError("busy", "every slot is taken"));
      this.#open.delete(stream);
      return;
    }
    void this.#queue.add(async () => {
      if (this.#open.get(stream) !== delivery) return;
      await delivery.run();
      this.#open.delete(stream);
    });
  }

  /** Resolves when nothing runs any more. */
  idle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Stops everything: the link is gone, nobody would get the output. */
  cancelAll(): void {
    for (const delivery of this.#open.values()) delivery.cancel();
    this.#open.clear();
  }
}
