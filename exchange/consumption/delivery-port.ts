/**
 * What a delivery is given: the request, and of the suppliers' side the way to send one attempt and
 * hear how it goes.
 */
import type { Clock } from "#exchange/clock.ts";
import type { Shell } from "#exchange/shell.ts";
import type { DeliveryEnd } from "#protocol/link-messages.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { DeliveryTimeouts } from "./delivery-time.ts";
import type { ExchangeLoad } from "./exchange-load.ts";
import type { GrantPacer } from "./grant-pacer.ts";
import type { PoisonList } from "./poison.ts";

export interface AttemptError {
  code: string;
  message: string;
  /** The backend's HTTP status where there was one. */
  status: number | null;
}

/** When what happened to an attempt, on the exchange's monotonic clock; null where it did not. */
export interface AttemptClock {
  /** The request was flushed to the socket, as a whole. */
  dispatchedMs: number | null;
  acceptedMs: number | null;
  firstOutputMs: number | null;
  lastOutputMs: number | null;
  /** Median of the last 20 pings of the link that carries it; null before the first answer. */
  rttMs: number | null;
}

/** Called in record order; after `onEnd` or `onError` nothing more comes. Payloads are views, valid during the call. */
export interface AttemptHandlers {
  onAccepted?(): void;
  /** UTF-8 text of choice 0; a character may be cut between two calls. */
  onDelta(text: Buffer, chunks: number): void;
  onEvent(json: Buffer): void;
  /** Whether an event holds any of the answer, asked before it is told; without this all do. */
  holdsOutput?(json: Buffer): boolean;
  onBody(part: Buffer, final: boolean): void;
  onEnd(end: DeliveryEnd, clock: AttemptClock): void;
  onError(error: AttemptError, clock: AttemptClock): void;
}

export interface AttemptRequest {
  supplier: number;
  symbol: string;
  /** Random; tells the supplier nothing of the buyer. */
  attemptId: string;
  streamed: boolean;
  maxOutputTokens: number;
  body: Buffer;
  /** To the first record of output. */
  firstTokenTimeoutMs: number;
}

export interface Attempt {
  /** Stops the backend; no handler is called any more. */
  cancel(reason: string): void;
  /** The client has taken these output bytes: the supplier may send as many more. */
  grant(bytes: number): void;
  clock(): AttemptClock;
}

export interface Dispatcher {
  dispatch(request: AttemptRequest, handlers: AttemptHandlers): Attempt;
}

export interface DeliveryDependencies {
  shell: Shell;
  dispatcher: Dispatcher;
  clock: Clock;
  /** How late the exchange itself is. */
  load: Pick<ExchangeLoad, "lateMs" | "isSlow">;
  poison: PoisonList;
  /** How small grants are paced; at once when left out. */
  grants?: GrantPacer;
  timeouts?: DeliveryTimeouts;
}

export interface DeliveryRequest {
  request: ChatRequest;
  promptTokens: number;
  buyer: { account: number; keyId: string };
  requestId: string;
  /** Called once its output has begun: no other supplier will be sent the body. */
  dropBody(): void;
}
