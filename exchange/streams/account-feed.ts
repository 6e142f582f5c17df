/**
 * What one account is told: its orders and Lots as one log in order, its balances as they are last.
 * Orders follow the durable events; Lots and balances are read from the core's state, and leave when
 * what was read is durable.
 */
import type { CoreState } from "#exchange/core/state.ts";
import type { Shell } from "#exchange/shell.ts";
import { BALANCE_ROWS } from "#exchange/trading/balance-routes.ts";
import { publicId } from "#protocol/ids.ts";
import type { DurableMarkets, DurableOrder } from "./durable-market.ts";
import { EventLog } from "./event-log.ts";
import { eventBytes } from "./frames.ts";
import { type LatestState, StateFeed } from "./state-feed.ts";
import { streamedLot, streamedOrder } from "./views.ts";

/** Events that one journal event can make for an account; more of them share a number. */
const SEQUENCES_PER_EVENT = 4_096;

/** Lots of one snapshot; the rest is told as it changes. */
const LOTS_PER_SNAPSHOT_MAX = 1_000;

/** How a Lot ended, by the event that says so. */
export type LotEnd = "consumed" | "expired" | "closed_out" | "closed";

export interface AccountFeedDependencies {
  shell: Shell;
  durable: DurableMarkets;
  defer: (run: () => void) => void;
  onLotEnd: (lot: number) => void;
}

class BalanceState implements LatestState {
  position = 0;
  #frame: Buffer | null = null;

  show(data: object, sequence: number): void {
    this.#frame = eventBytes("balances", { data, sequence });
    this.position += 1;
  }

  get isKnown(): boolean {
    return this.#frame !== null;
  }

  frameFrom(): Buffer {
    if (this.#frame === null) throw new Error("no balances were read yet");
    return this.#frame;
  }
}

export class AccountFeed {
  readonly account: number;
  readonly log: EventLog;
  /** Its Lots that are open, as far as they were seen. */
  readonly lots = new Map<number, string>();
  readonly balances = new BalanceState();
  readonly balanceFeed: StateFeed;
  /** When the last reader left; null while there is one. */
  leftAtMs: number | null = null;
  readonly #shell: Shell;
  readonly #durable: DurableMarkets;
  readonly #onLotEnd: (lot: number) => void;
  /** Lots to read anew. */
  readonly #lotsTouched = new Set<number>();
  readonly #ends = new Map<number, LotEnd>();
  #isTouched = false;
  #isReading = false;
  #eventSeq = 0;
  #eventCount = 0;

  constructor(account: number, { shell, durable, defer, onLotEnd }: AccountFeedDependencies) {
    this.account = account;
    this.#onLotEnd = onLotEnd;
    this.#shell = shell;
    this.#durable = durable;
    this.balanceFeed = new StateFeed(this.balances, defer);
    this.log = new EventLog(durable.seq * SEQUENCES_PER_EVENT, defer);
    for (const number of shell.state.accounts.get(account)?.lots ?? []) {
      const lot = shell.state.lots.get(number);
      if (lot !== undefined) this.lots.set(number, lot.symbol);
    }
  }

  get readers(): number {
    return this.log.readers + this.balanceFeed.readers;
  }

  tellOrder(order: DurableOrder, isNew: boolean): void {
    const sequence = this.#nextSequence();
    // Read now: the row goes on changing.
    const data = streamedOrder(this.#durable.marketOf(order.symbol), order);
    const frame = () => eventBytes(isNew ? "new_order" : "order_update", { data, sequence });
    this.log.append({ stream: "user.orders", symbol: order.symbol, sequence, frame });
    this.log.publish();
  }

  /** Open orders as they are durable, with the sequence number to resume from. */
  ordersSnapshot(symbol: string | null): Buffer {
    const data = this.#durable
      .ordersOf(this.account)
      .filter((order) => symbol === null || order.symbol === symbol)
      .map((order) => streamedOrder(this.#durable.marketOf(order.symbol), order));
    return eventBytes("orders_snapshot", { data, sequence: this.log.sequence });
  }

  /** Resolves with the open Lots, the newest ones of many, when what they show is durable. */
  async lotsSnapshot(symbol: string | null): Promise<Buffer> {
    const views = await this.#shell.read((state) =>
      [...(state.accounts.get(this.account)?.lots ?? [])].flatMap((number) =>
        this.#lotViews(state, number, symbol),
      ),
    );
    const data = views.slice(-LOTS_PER_SNAPSHOT_MAX);
    const is_complete = data.length === views.length;
    return eventBytes("lots_snapshot", { data, is_complete, sequence: this.log.sequence });
  }

  /** Something of it changed: it is read anew, once for all that happens meanwhile. */
  touch(lots: Iterable<number>): void {
    for (const lot of lots) this.#lotsTouched.add(lot);
    this.#isTouched = true;
    if (!this.#isReading) this.readAnew();
  }

  endLot(lot: number, end: LotEnd): void {
    this.#ends.set(lot, end);
  }

  /** Reads balances and touched Lots; what it shows leaves when it is durable. */
  readAnew(): void {
    this.#isReading = true;
    this.#isTouched = false;
    const lots = [...this.#lotsTouched];
    this.#lotsTouched.clear();
    const ends = new Map(this.#ends);
    this.#ends.clear();
    const wanted = this.balanceFeed.readers > 0;
    void this.#shell
      .read((state) => ({
        seq: state.seq,
        balances: wanted ? this.#balancesOf(state) : null,
        lots: lots.map((number) => ({ number, view: this.#lotViews(state, number, null)[0] })),
      }))
      .then((read) => {
        for (const { number, view } of read.lots) this.#tellLot(number, view, ends.get(number));
        if (read.balances !== null) {
          this.balances.show(read.balances, read.seq);
          this.balanceFeed.publish();
        }
        this.#isReading = false;
        if (this.#isTouched) this.readAnew();
      });
  }

  #tellLot(number: number, view: object | undefined, end: LotEnd = "closed"): void {
    const symbol = this.lots.get(number);
    if (symbol === undefined) return;
    const sequence = this.#nextSequence();
    if (view === undefined) {
      this.lots.delete(number);
      this.#onLotEnd(number);
    }
    const data = view ?? { lot_id: publicId("lot", number), status: end };
    const frame = () => eventBytes("lot_update", { data, sequence });
    this.log.append({ stream: "user.lots", symbol, sequence, frame });
    this.log.publish();
  }

  #lotViews(state: CoreState, number: number, symbol: string | null): object[] {
    const lot = state.lots.get(number);
    if (lot === undefined || lot.owner !== this.account) return [];
    if (symbol !== null && lot.symbol !== symbol) return [];
    const listed = state.instruments.get(lot.symbol);
    return listed === undefined ? [] : [streamedLot(listed, lot)];
  }

  #balancesOf(state: CoreState): object {
    return {
      currency_trading_accounts: BALANCE_ROWS.currency(state, this.account),
      trading_accounts: BALANCE_ROWS.trading(state, this.account),
      consumption_accounts: BALANCE_ROWS.consumption(state, this.account),
    };
  }

  /** Above those of all earlier events, also of another process: it grows with the journal. */
  #nextSequence(): number {
    // While an event is applied, the mirror still stands at the one before.
    const seq = this.#durable.seq;
    if (seq !== this.#eventSeq) {
      this.#eventSeq = seq;
      this.#eventCount = 0;
    }
    this.#eventCount = Math.min(this.#eventCount + 1, SEQUENCES_PER_EVENT - 1);
    return seq * SEQUENCES_PER_EVENT + this.#eventCount;
  }
}
