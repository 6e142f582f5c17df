/** Whom a delivery serves, as the delivery sees him; `reply.ts` is the one over HTTP. */
import type { Refusal } from "#exchange/errors.ts";
import type { Reserved } from "./booking.ts";
import type { OutputChoice } from "./supplier-output.ts";

/** Where the output goes. Nothing is called before what it rests on is durable. */
export interface Client {
  /** Once, before any output of a stream. */
  begin(reserved: Reserved): void;
  /** Text of choice 0; false when the client is slow. */
  text(text: string): boolean;
  /** Choices of a chunk that is more than text; false when the client is slow. */
  choices(choices: readonly OutputChoice[]): boolean;
  /** The delivery is paid, or free. */
  end(outcome: DeliveryOutcome): void;
  /** No output was sent: an error in full. */
  refuse(refusal: Refusal, message: string, status?: number): void;
  /** Output was sent: the stream ends with an error, and nothing is billed. */
  abort(message: string): void;
  /** Closes the connection of a client that takes nothing. */
  drop(): void;
}

export interface DeliveryOutcome {
  reserved: Reserved;
  promptTokens: number;
  completionTokens: number;
  /** Why each choice ended, as far as the supplier said. */
  finishes: ReadonlyMap<number, string>;
  /** Of the other choices. */
  finishReason: string;
  /** The supplier's choices when the answer was not streamed. */
  choices: readonly object[] | null;
}
