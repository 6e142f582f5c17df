/**
 * The OpenAI-compatible door: a plain node:http handler, because every request passes here and a
 * framework costs a third more per request. Takes `/v1/chat/completions` and `/v1/models`.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { findByApiKey } from "#exchange/api-key.ts";
import type { Reservation } from "#exchange/core/commands.ts";
import { openaiError, type Refusal } from "#exchange/errors.ts";
import { publicId } from "#protocol/ids.ts";
import { formatPrice } from "#protocol/quotation.ts";
import { type ChatRequest, readChatRequest } from "./chat-request.ts";
import {
  type Client,
  type DeliveryDependencies,
  type RunningDelivery,
  startDelivery,
  streamErrorBody,
} from "./delivery.ts";
import { createLimiter, DEFAULT_KEY_LIMITS, type KeyLimits } from "./limits.ts";
import { findModel, listModels } from "./models.ts";
import { createEventStream, type EventStream } from "./sse.ts";

/** Largest request body of any instrument. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Requests served at a time by this process. */
const OPEN_DELIVERIES_MAX = 5_000;

export interface ConsumptionDependencies extends DeliveryDependencies {
  log: Logger;
}

export interface Consumption {
  /** Takes the request if it is one of ours; false leaves it to others. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Admits nothing more and resolves when the running deliveries ended, at the latest after that time. */
  drain(deadlineMs: number): Promise<void>;
}

export function createConsumption(
  options: { limits?: KeyLimits },
  dependencies: ConsumptionDependencies,
): Consumption {
  const { shell, clock, log } = dependencies;
  const limiter = createLimiter(options.limits ?? DEFAULT_KEY_LIMITS, { clock });
  const running = new Set<Promise<void>>();
  let stopping = false;

  async function chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader("x-request-id", requestId);
    response.setHeader("x-grid-request-id", requestId);
    response.setHeader("x-gridspot-request-id", requestId);
    if (stopping) return refuse(response, "service-stopping");
    const key = bearerOf(request);
    if (key === null) return refuse(response, "missing-authentication");
    const buyer = findByApiKey(shell.state, key);
    if (buyer === null) return refuse(response, "invalid-api-key");
    const bytes = await readBody(request);
    if (bytes === null) {
      return refuse(response, "body-too-large", `the body is over ${BODY_BYTES_MAX} bytes`);
    }
    const read = readChatRequest(bytes, (symbol) => shell.state.instruments.has(symbol));
    if (!read.ok) return refuse(response, read.refusal, read.message, read.param);
    const tooMuch = checkSize(read.request, bytes.length);
    if (tooMuch !== null) return refuse(response, ...tooMuch);
    const limited = limiter.enter(buyer.keyId);
    for (const [name, value] of Object.entries(limiter.headers(buyer.keyId))) {
      response.setHeader(name, value);
    }
    if (limited !== null) return refuse(response, "rate-limit-exceeded", limited);
    try {
      if (running.size >= OPEN_DELIVERIES_MAX) return refuse(response, "overloaded");
      await serve(read.request, buyer, requestId, response);
    } finally {
      limiter.leave(buyer.keyId);
    }
  }

  function checkSize(request: ChatRequest, bodyBytes: number): [Refusal, string] | null {
    const instrument = shell.state.instruments.get(request.symbol)?.instrument;
    if (instrument === undefined) return null;
    if (bodyBytes > instrument.bodyBytesMax) {
      return ["body-too-large", `the body is over ${instrument.bodyBytesMax} bytes`];
    }
    const wanted = request.promptTokens + (request.maxOutputTokens ?? 0);
    if (wanted <= instrument.contextTokensMin) return null;
    return [
      "context-length-exceeded",
      `${request.promptTokens} prompt tokens and ${request.maxOutputTokens ?? 0} of output are more than the ${instrument.contextTokensMin} of ${request.symbol}`,
    ];
  }

  async function serve(
    request: ChatRequest,
    buyer: { account: number; keyId: string },
    requestId: string,
    response: ServerResponse,
  ): Promise<void> {
    const reply = new Reply(request, requestId, response, dependencies);
    const delivery: RunningDelivery = startDelivery(request, buyer, requestId, reply, dependencies);
    response.on("drain", () => delivery.drained());
    response.on("close", () => {
      if (!response.writableFinished) delivery.clientGone();
    });
    running.add(delivery.over);
    await delivery.over.finally(() => running.delete(delivery.over));
  }

  return {
    handle(request, response) {
      const path = (request.url ?? "").split("?")[0] ?? "";
      if (path === "/v1/chat/completions") {
        if (request.method !== "POST") refuse(response, "method-not-allowed");
        else {
          chat(request, response).catch((error: Error) => {
            log.error({ reason: error.message }, "request failed");
            if (response.headersSent) response.destroy();
            else refuse(response, "internal-error");
          });
        }
        return true;
      }
      if (path !== "/v1/models" && !path.startsWith("/v1/models/")) return false;
      if (request.method !== "GET") {
        refuse(response, "method-not-allowed");
        return true;
      }
      const symbol = decodeURIComponent(path.slice("/v1/models/".length));
      void shell
        .read((state) => (symbol === "" ? listModels(state) : findModel(state, symbol)))
        .then((found) => {
          if (found === null) refuse(response, "instrument-not-found");
          else sendJson(response, 200, found);
        });
      return true;
    },
    async drain(deadlineMs) {
      stopping = true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      await Promise.race([Promise.allSettled([...running]), late]);
      clearTimeout(timer);
    },
  };
}

/** The reply to one request, streamed or not. */
class Reply implements Client {
  readonly #request: ChatRequest;
  readonly #response: ServerResponse;
  readonly #dependencies: ConsumptionDependencies;
  readonly #id: string;
  readonly #created: number;
  #events: EventStream | null = null;

  constructor(
    request: ChatRequest,
    requestId: string,
    response: ServerResponse,
    dependencies: ConsumptionDependencies,
  ) {
    this.#request = request;
    this.#response = response;
    this.#dependencies = dependencies;
    this.#id = `chatcmpl-${requestId}`;
    this.#created = Math.floor(dependencies.clock.nowMs() / 1000);
  }

  begin(reservation: Reservation): void {
    this.#describe(reservation);
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-store",
      "x-accel-buffering": "no",
    });
    this.#events = createEventStream(this.#response, {
      id: this.#id,
      created: this.#created,
      model: this.#request.symbol,
    });
  }

  #describe(reservation: Reservation): void {
    const { shell } = this.#dependencies;
    const instrument = shell.state.instruments.get(this.#request.symbol)?.instrument;
    const prices = new Set(reservation.parts.map((part) => part.priceTicks));
    const shown = [...prices].map((ticks) => (instrument ? formatPrice(instrument, ticks) : ""));
    this.#response.setHeader("x-gridspot-lot-price", shown.join(","));
    this.#response.setHeader("x-gridspot-supplier", publicId("account", reservation.supplier));
    this.#response.setHeader("x-gridspot-max-output-tokens", String(reservation.maxOutputTokens));
    this.#response.setHeader("x-gridspot-seq", String(shell.state.seq));
  }

  text(text: string): boolean {
    return this.#events?.delta(text) ?? true;
  }

  choices(choices: unknown): boolean {
    return this.#events?.chunk(choices) ?? true;
  }

  end(outcome: Parameters<Client["end"]>[0]): void {
    const { promptTokens, completionTokens, finishReason } = outcome;
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    };
    if (this.#events !== null) {
      if (!outcome.finishSent) this.#events.finish(finishReason);
      if (this.#request.includeUsage) this.#events.usage(usage);
      this.#events.done();
    } else if (outcome.answer !== null) {
      this.#describe(outcome.reservation);
      sendJson(this.#response, 200, {
        ...outcome.answer,
        id: this.#id,
        object: "chat.completion",
        created: this.#created,
        model: this.#request.symbol,
        usage,
      });
    } else this.#response.end();
  }

  refuse(refusal: Refusal, message: string, status?: number): void {
    refuse(this.#response, refusal, message, null, status);
  }

  abort(message: string): void {
    this.#events?.error(streamErrorBody(message));
    this.#response.end();
  }
}

function refuse(
  response: ServerResponse,
  refusal: Refusal,
  message?: string,
  param: string | null = null,
  status?: number,
): void {
  if (response.headersSent || response.destroyed) return;
  const error = openaiError(refusal, message, param);
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  sendJson(response, status ?? error.status, error.body);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": bytes.length,
  });
  response.end(bytes);
}

function bearerOf(request: IncomingMessage): string | null {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
  return match?.[1] ?? null;
}

/** The whole body, or null when it is too large; the rest is then read and dropped. */
function readBody(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let bytes = 0;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes > BODY_BYTES_MAX) {
        parts = [];
        resolve(null);
      } else parts.push(part);
    });
    request.on("end", () => resolve(Buffer.concat(parts)));
    request.on("error", reject);
  });
}
