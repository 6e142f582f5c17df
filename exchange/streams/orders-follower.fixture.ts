/** A client that keeps its account's open orders up to date, cut off and resumed as it happens. */
import type { Connection, Subscription } from "./connection.ts";
import type { StreamFeeds } from "./stream-feeds.ts";
import { openStream, readWish } from "./streams.ts";
import { wireText } from "./wire-text.fixture.ts";

interface TellableOrder {
  order_id: string;
  status: string;
  filled_quantity: string;
}

export class OrdersFollower {
  readonly account: number;
  /** Status and filled quantity by order id. */
  readonly open = new Map<string, string>();
  resumes = 0;
  snapshots = 0;
  #sequence: number | null = null;
  #subscription: Subscription | null = null;

  constructor(account: number) {
    this.account = account;
  }

  get isCut(): boolean {
    return this.#subscription === null;
  }

  connect(feeds: StreamFeeds): void {
    const read = readWish(feeds, { name: "user.orders", resume_from: this.#sequence });
    if (!read.ok) throw new Error(read.message);
    const { account } = this;
    const send = (frame: Buffer) => this.#take(frame);
    const opened = openStream(feeds, { account, send } as unknown as Connection, read.wish);
    if (opened.resumed === true) this.resumes += 1;
    this.#subscription = opened.start();
  }

  cut(): void {
    this.#subscription?.end();
    this.#subscription = null;
  }

  #take(frame: Buffer): void {
    const { event, payload } = JSON.parse(wireText(frame));
    const isSnapshot = event === "orders_snapshot";
    if (this.#sequence !== null && payload.sequence <= this.#sequence && !isSnapshot) {
      throw new Error(`sequence ${payload.sequence} came after ${this.#sequence}`);
    }
    this.#sequence = payload.sequence;
    if (isSnapshot) {
      this.snapshots += 1;
      this.open.clear();
    }
    for (const order of (isSnapshot ? payload.data : [payload.data]) as TellableOrder[]) {
      const { order_id, status, filled_quantity } = order;
      const isNew = event === "new_order";
      if (!isSnapshot && isNew === this.open.has(order_id)) {
        throw new Error(`${event} of ${order_id}, which is ${isNew ? "" : "not "}known`);
      }
      if (status === "filled" || status === "cancelled") this.open.delete(order_id);
      else this.open.set(order_id, `${status} ${filled_quantity}`);
    }
  }
}
