/**
 * A feed of which only the latest state counts: book, ticker, candle, balances. Readers that keep up
 * share one frame per step; one that does not gets what it lacks when it can take it, in one piece.
 */
import type { Connection, Subscription } from "./connection.ts";
import { READERS_PER_TURN } from "./limits.ts";

/** What a feed needs of a connection. */
export type StateSink = Pick<Connection, "isFull" | "sendState" | "lag">;

/** What a feed shows. */
export interface LatestState {
  /** Grows with every change. */
  readonly position: number;
  /** The frame that brings a reader from `position` (null: it has nothing) to the state now. */
  frameFrom(position: number | null): Buffer;
}

export class StateFeed {
  readonly #state: LatestState;
  readonly #defer: (run: () => void) => void;
  readonly #readers = new Set<StateReader>();
  /** Where the readers stand that keep up. */
  #told: number;
  #isTelling = false;

  /** `defer` runs something in a later turn of the event loop. */
  constructor(state: LatestState, defer: (run: () => void) => void) {
    this.#state = state;
    this.#defer = defer;
    this.#told = state.position;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** `position`: where the reader stands already, or null. It gets what it lacks at once. */
  subscribe(connection: StateSink, position: number | null): Subscription {
    const reader = new StateReader(this.#state, connection, position, () =>
      this.#readers.delete(reader),
    );
    this.#readers.add(reader);
    reader.catchUp();
    return reader;
  }

  /** Tells the readers where the state is now: one turn after another, so that others get theirs. */
  publish(): void {
    if (this.#isTelling) return;
    const from = this.#told;
    const to = this.#state.position;
    if (from === to) return;
    this.#told = to;
    if (this.#readers.size === 0) return;
    const frame = this.#state.frameFrom(from);
    const readers = this.#readers.values();
    const turn = (): void => {
      for (let count = 0; count < READERS_PER_TURN; count += 1) {
        const { done, value } = readers.next();
        if (done === true) {
          this.#isTelling = false;
          // What changed meanwhile is told in one step.
          this.publish();
          return;
        }
        value.step(frame, from, to);
      }
      this.#isTelling = true;
      this.#defer(turn);
    };
    turn();
  }
}

class StateReader implements Subscription {
  readonly #state: LatestState;
  readonly #connection: StateSink;
  readonly #onEnd: () => void;
  #position: number | null;

  constructor(
    state: LatestState,
    connection: StateSink,
    position: number | null,
    onEnd: () => void,
  ) {
    this.#state = state;
    this.#connection = connection;
    this.#position = position;
    this.#onEnd = onEnd;
  }

  /** The feed's step from one position to another, where it fits this reader. */
  step(frame: Buffer, from: number, to: number): void {
    const connection = this.#connection;
    if (this.#position !== null && this.#position >= to) return;
    if (connection.isFull) connection.lag(this);
    else if (this.#position === from) {
      connection.sendState(frame);
      this.#position = to;
    } else this.catchUp();
  }

  catchUp(): void {
    const { position } = this.#state;
    if (this.#position === position) return;
    if (this.#connection.isFull) {
      this.#connection.lag(this);
      return;
    }
    this.#connection.sendState(this.#state.frameFrom(this.#position));
    this.#position = position;
  }

  end(): void {
    this.#onEnd();
  }
}
