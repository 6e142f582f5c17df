/** The body of a streamed answer: its pieces are told one after another, as fast as they are taken. */
import { EventStreamReader, type Finish, type Piece } from "./event-stream.ts";
import type { Patience } from "./patience.ts";

/** Takes a piece in the turn in which it came; a promise holds the server back until it resolves. */
export type TakePiece = (piece: Piece) => Promise<void> | null;

/** What it does to its request. */
export interface StreamedRequest {
  hold(): void;
  release(): void;
  complete(finish: Finish): void;
  fail(error: unknown): void;
}

export interface StreamedAnswerDependencies {
  request: StreamedRequest;
  patience: Patience;
  take: TakePiece;
}

export class StreamedAnswer {
  readonly #reader = new EventStreamReader();
  readonly #idleTimeoutMs: number;
  readonly #request: StreamedRequest;
  readonly #patience: Patience;
  readonly #take: TakePiece;
  #isStarted = false;
  #isHeld = false;

  /** `idleTimeoutMs` is between two parts of the answer. */
  constructor(idleTimeoutMs: number, { request, patience, take }: StreamedAnswerDependencies) {
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#request = request;
    this.#patience = patience;
    this.#take = take;
  }

  /** Pieces are left that nobody could take yet. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  take(bytes: Buffer): void {
    this.#reader.push(bytes);
    this.#tell();
  }

  end(): Finish {
    return this.#reader.finish();
  }

  #tell(): void {
    for (let piece = this.#reader.next(); piece !== null; piece = this.#reader.next()) {
      this.#isStarted = true;
      const taken = this.#take(piece);
      if (taken !== null) {
        this.#holdUntil(taken);
        return;
      }
    }
    if (this.#reader.isDone) this.#request.complete(this.#reader.finish());
    else if (this.#isStarted) this.#patience.expect("the next token", this.#idleTimeoutMs);
  }

  /** The server need not wait for the reader, nor the reader for the server meanwhile. */
  #holdUntil(taken: Promise<void>): void {
    this.#isHeld = true;
    this.#request.hold();
    this.#patience.rest();
    taken
      .then(() => {
        this.#isHeld = false;
        this.#tell();
        if (!this.#isHeld) this.#request.release();
      })
      .catch((error: unknown) => this.#request.fail(error));
  }
}
