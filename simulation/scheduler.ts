/**
 * Virtual time: what is to happen when, in order of time and then of asking. Between two steps every
 * promise that can go on does, so that the same plan always runs in the same order.
 */
interface Step {
  atMs: number;
  order: number;
  run: () => void;
}

/** Of one `run`: more than any world takes, so that one which turns in circles ends. */
const STEPS_MAX = 5_000_000;

export class Scheduler {
  readonly #heap: Step[] = [];
  #order = 0;
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs something in `delayMs` of virtual time. */
  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    const step = { atMs: this.#nowMs + delayMs, order: this.#order, run };
    let at = this.#heap.push(step) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(this.#heap[parent] as Step, step)) break;
      this.#heap[at] = this.#heap[parent] as Step;
      at = parent;
    }
    this.#heap[at] = step;
  }

  /** A promise that resolves in `delayMs` of virtual time. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs everything up to `untilMs`, or until `isOver` says so. */
  async run(untilMs: number, isOver: () => boolean): Promise<void> {
    // What has been started and asked for nothing yet gets as far as it can.
    await promisesGone();
    for (let steps = 0; !isOver(); steps += 1) {
      if (steps > STEPS_MAX) throw new Error(`${STEPS_MAX} steps and no end at ${this.#nowMs}`);
      const first = this.#heap[0];
      if (first === undefined || first.atMs > untilMs) return;
      this.#removeFirst();
      this.#nowMs = first.atMs;
      first.run();
      await promisesGone();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Step;
    if (this.#heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && isBefore(right, this.#heap[child] as Step)) child += 1;
      if (isBefore(last, this.#heap[child] as Step)) break;
      this.#heap[at] = this.#heap[child] as Step;
      at = child;
    }
    this.#heap[at] = last;
  }
}

/** Promises go on before the next macrotask; nothing else is waiting there. */
function promisesGone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Step, b: Step): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
