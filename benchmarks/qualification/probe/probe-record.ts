/**
 * What one probe is and what is kept of it. A probe is one request to the server under test; its
 * record holds every clock point, so that a third party can judge it again.
 */

/** What a probe is for; requests of one workload are alike. */
export type Workload =
  | "tiny"
  | "base"
  | "long"
  | "xlong"
  | "context"
  | "output"
  | "load"
  | "conformance"
  | "quality"
  | "warm-up"
  | "calibration"
  | "cached-prefix";

/** One request to send. */
export interface ProbeRequest {
  workload: Workload;
  streamed: boolean;
  /** The chat completion's body but for `model`, `stream` and `stream_options`, which the transport sets. */
  body: Record<string, unknown>;
  /** When the plan wanted it sent; null in a closed loop. Same clock as everything else, ms. */
  scheduledMs: number | null;
  /** Requests under way when it was sent, itself included, as planned. */
  concurrency: number;
  /** Longest wait for the whole answer. */
  timeoutMs: number;
}

/**
 * Takes an answer as it comes. Times are of the transport's monotonic clock, taken in the socket's
 * own callback before anything is parsed. Calls come in this order, each at most once but `read`.
 */
export interface AnswerReader {
  /** The request's last byte was handed to the system. */
  sent(atMs: number): void;
  /** A connection was there; before `sent` on a new one. */
  connected(atMs: number, isReused: boolean): void;
  headers(atMs: number, status: number, contentType: string): void;
  /** Bytes of the body, as one socket read brought them. */
  read(atMs: number, bytes: Uint8Array): void;
  /** The body is complete. */
  ended(atMs: number): void;
  /** No more will come. Instead of `ended`. */
  failed(atMs: number, failure: TransportFailure): void;
}

export interface TransportFailure {
  kind: "refused" | "reset" | "timeout" | "cancelled" | "other";
  detail: string;
}

/**
 * The way to the server under test: HTTP to a URL, or a supplier's link. `send` settles after
 * `ended` or `failed` was called, and never rejects.
 */
export interface ProbeTransport {
  /** As the report names it: a URL, or a node. */
  readonly name: string;
  monotonicMs(): number;
  send(request: ProbeRequest, reader: AnswerReader, signal: AbortSignal): Promise<void>;
}

/** Why a probe was no good, and whose fault that is. */
export type ProbeFault =
  | "server-error"
  | "timeout"
  | "reset"
  | "cut-stream"
  | "empty-answer"
  | "malformed"
  | "in-stream-error"
  | "rate-limited"
  | "refused-request"
  | "cancelled"
  | "own-client";

/** Faults that count against the supplier; 429 only within the concurrency it sells. */
export const SUPPLIER_FAULTS: ReadonlySet<ProbeFault> = new Set([
  "server-error",
  "timeout",
  "reset",
  "cut-stream",
  "empty-answer",
  "malformed",
  "in-stream-error",
  "rate-limited",
]);

/** Token counts as the server reported them. */
export interface ReportedUsage {
  promptTokens: number | null;
  completionTokens: number | null;
  cachedTokens: number | null;
}

/** The raw row of one probe. All times in ms since the examination began; null where it never came. */
export interface ProbeRecord {
  index: number;
  workload: Workload;
  streamed: boolean;
  concurrency: number;
  scheduledMs: number | null;
  sentMs: number;
  connectedMs: number | null;
  headersMs: number | null;
  /** First event with choices, be it empty. Shown as "first byte", never judged. */
  anyMs: number | null;
  /** First event that carries a token: content, reasoning, or a tool call's name or arguments. */
  firstMs: number | null;
  /** First event that carries content or a tool call: reasoning is over. */
  answerMs: number | null;
  /** Last event that carries a token. */
  lastMs: number | null;
  endMs: number;
  /** Largest gap between two token-bearing events, ms. */
  worstStallMs: number | null;
  reads: number;
  /** Socket reads that carried a token. */
  tokenReads: number;
  events: number;
  bytes: number;
  status: number | null;
  finishReason: string | null;
  usage: ReportedUsage | null;
  /** Reference tokens (o200k_base) of content, reasoning and tool arguments. Speed is judged by these. */
  tokens: number;
  /** Of those, in the events within 5 ms of the first one. */
  firstTokens: number;
  /** SHA-256 of content + reasoning + tool arguments, hex. */
  outputSha256: string;
  fault: ProbeFault | null;
  detail: string | null;
}

/** What the server said; not part of the raw row. */
export interface ProbeAnswer {
  content: string;
  reasoning: string;
  toolCalls: ProbeToolCall[];
  /** The body as it came where it was not streamed, or where it was an error. */
  body: string | null;
}

export interface ProbeToolCall {
  id: string | null;
  name: string;
  /** JSON text as it was put together. */
  arguments: string;
}

export interface Probed {
  record: ProbeRecord;
  answer: ProbeAnswer;
}
