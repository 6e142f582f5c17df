/**
 * Puts what one connection is told in one turn of the event loop into one write: a trade changes book,
 * ticker and candles at once, and a system call costs more than making all of their frames.
 */
import type { Writable } from "node:stream";

type Wire = Pick<Writable, "cork" | "uncork">;

export class Corks {
  readonly #corked = new Set<Wire>();

  /** From now until this turn is over, what is written to it is kept together. */
  add(wire: Wire): void {
    if (this.#corked.has(wire)) return;
    if (this.#corked.size === 0) process.nextTick(this.#drawAll);
    this.#corked.add(wire);
    wire.cork();
  }

  readonly #drawAll = (): void => {
    const corked = [...this.#corked];
    this.#corked.clear();
    for (const wire of corked) wire.uncork();
  };
}
