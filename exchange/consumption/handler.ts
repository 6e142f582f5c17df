/**
 * The OpenAI-compatible door: a plain node:http handler, because every request passes here and a
 * framework costs a third more per request. Takes `/v1/chat/completions` and `/v1/models`.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { findByApiKey } from "#exchange/api-key.ts";
import type { Refusal } from "#exchange/errors.ts";
import type { Instrument } from "#protocol/instrument.ts";
import { TOKENS_PER_MESSAGE } from "#protocol/reference-tokens.ts";
import { type ChatRequest, readChatRequest } from "./chat-request.ts";
import { Delivery } from "./delivery.ts";
import type { DeliveryDependencies, DeliveryRequest } from "./delivery-port.ts";
import { createLimiter, DEFAULT_KEY_LIMITS, type KeyLimits } from "./limits.ts";
import { findModel, listModels } from "./models.ts";
import { PoisonList } from "./poison.ts";
import { createPromptCounter } from "./prompt-counter.ts";
import { createReply, type Head, sendJson, sendRefusal } from "./reply.ts";
import { BODY_BYTES_MAX, createBodyReader } from "./request-body.ts";

/** Requests served at a time by this process. */
const OPEN_DELIVERIES_MAX = 5_000;
const CHAT_PATH = "/v1/chat/completions";
const MODELS_PATH = "/v1/models";
const REQUEST_ID_HEADERS = ["x-request-id", "x-grid-request-id", "x-gridspot-request-id"] as const;

export interface ConsumptionDependencies extends Omit<DeliveryDependencies, "poison"> {
  log: Logger;
}

export interface Consumption {
  /** Takes the request if it is one of ours; false leaves it to others. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
  /** Deliveries that are running now. */
  activeDeliveries(): number;
  /** Admits nothing more and resolves when the running deliveries ended; after that time they are ended, free of charge. */
  drain(deadlineMs: number): Promise<void>;
}

interface Buyer {
  account: number;
  keyId: string;
}
interface RefusedHere {
  ok: false;
  refusal: Refusal;
  message?: string;
  param?: string | null;
}
type Checked = { ok: true; request: ChatRequest; promptTokens: number } | RefusedHere;

/** Builds the handler. */
export function createConsumption(
  options: { limits?: KeyLimits; openDeliveriesMax?: number; bodiesBytesMax?: number },
  dependencies: ConsumptionDependencies,
): Consumption {
  const { shell, clock, log } = dependencies;
  const openDeliveriesMax = options.openDeliveriesMax ?? OPEN_DELIVERIES_MAX;
  const limiter = createLimiter(options.limits ?? DEFAULT_KEY_LIMITS, { clock });
  const prompts = createPromptCounter();
  const readBody = createBodyReader(options.bodiesBytesMax);
  const poison = new PoisonList(clock);
  const running = new Map<Delivery, Promise<void>>();
  let stopping = false;

  async function chat(
    request: IncomingMessage,
    response: ServerResponse,
    { requestId, head }: { requestId: string; head: string[] },
  ): Promise<void> {
    if (stopping) return refuseUnread(request, response, { refusal: "service-stopping", head });
    const key = bearerOf(request);
    const buyer = key === null ? null : findByApiKey(shell.state, key);
    if (buyer === null) {
      const refusal = key === null ? "missing-authentication" : "invalid-api-key";
      return refuseUnread(request, response, { refusal, head });
    }
    const entered = limiter.enter(buyer.keyId);
    for (const [name, value] of Object.entries(entered.headers)) head.push(name, value);
    if (!entered.ok) {
      const { message } = entered;
      return refuseUnread(request, response, { refusal: "rate-limit-exceeded", message, head });
    }
    try {
      if (running.size >= openDeliveriesMax) {
        return refuseUnread(request, response, { refusal: "overloaded", head });
      }
      await admit(request, response, { buyer, requestId, head });
    } finally {
      entered.leave();
    }
  }

  async function admit(
    request: IncomingMessage,
    response: ServerResponse,
    { buyer, requestId, head }: { buyer: Buyer; requestId: string; head: Head },
  ): Promise<void> {
    const read = await readBody(request);
    if (!read.ok) {
      if (read.reason === "gone") return;
      if (read.reason === "no-room") {
        return refuseUnread(request, response, { refusal: "overloaded", head });
      }
      const message = `the body is over ${BODY_BYTES_MAX} bytes`;
      return refuseUnread(request, response, { refusal: "body-too-large", message, head });
    }
    try {
      const checked = await check(read.bytes);
      if (!checked.ok) {
        const { refusal, message, param } = checked;
        sendRefusal(response, refusal, { message, param, head });
      } else if (stopping) {
        sendRefusal(response, "service-stopping", { head });
      } else if (poison.has(buyer.keyId, checked.request.body)) {
        sendRefusal(response, "poison-request", { head });
      } else if (!response.destroyed) {
        const { promptTokens } = checked;
        const asked = { request: checked.request, promptTokens, buyer, requestId };
        const dropBody = read.drop;
        await serve({ ...asked, dropBody }, head, response);
      }
    } finally {
      read.drop();
    }
  }

  async function check(bytes: Buffer): Promise<Checked> {
    const read = readChatRequest(bytes, (symbol) => shell.state.instruments.has(symbol));
    if (!read.ok) return read;
    const { request } = read;
    const instrument = shell.state.instruments.get(request.symbol)?.instrument;
    if (instrument === undefined) return { ok: false, refusal: "instrument-not-found" };
    if (bytes.length > instrument.bodyBytesMax) {
      const message = `the body has ${bytes.length} bytes, ${request.symbol} takes ${instrument.bodyBytesMax}`;
      return { ok: false, refusal: "body-too-large", message };
    }
    const textTokens = await prompts.count(request.promptTexts);
    if (textTokens === null) return { ok: false, refusal: "overloaded" };
    // It lives as long as its answer; the texts would be as much again as the body.
    request.promptTexts = [];
    const promptTokens = textTokens + request.messages * TOKENS_PER_MESSAGE;
    return checkSize(request, promptTokens, instrument);
  }

  async function serve(
    asked: DeliveryRequest,
    head: Head,
    response: ServerResponse,
  ): Promise<void> {
    const { request, requestId } = asked;
    const created = Math.floor(clock.nowMs() / 1_000);
    const reply = createReply({ request, requestId, created, head }, { response, shell });
    const delivery = new Delivery(asked, reply, { ...dependencies, poison });
    response.on("drain", () => delivery.drained());
    response.on("close", () => {
      if (!response.writableFinished) delivery.clientGone();
    });
    const over = delivery.run().finally(() => running.delete(delivery));
    running.set(delivery, over);
    await over;
  }

  function models(path: string, request: IncomingMessage, response: ServerResponse): void {
    const key = bearerOf(request);
    // The list is public, yet a key that does not work should not look as if it did.
    if (key !== null && findByApiKey(shell.state, key) === null) {
      sendRefusal(response, "invalid-api-key");
      return;
    }
    const symbol = path.slice(MODELS_PATH.length + 1);
    shell
      .read((state) => (symbol === "" ? listModels(state) : findModel(state, symbol)))
      .then((found) => {
        const message = `no instrument "${symbol.slice(0, 64)}"; GET /v1/models lists what is traded`;
        if (found !== null) sendJson(response, 200, found);
        else sendRefusal(response, "instrument-not-found", { message, param: "model" });
      })
      .catch((error: Error) => failed(error, response));
  }

  function failed(error: Error, response: ServerResponse, head: Head = []): void {
    log.error({ reason: error.message, stack: error.stack }, "request failed");
    if (response.headersSent) response.destroy();
    else sendRefusal(response, "internal-error", { head });
  }

  return {
    handle(request, response) {
      const path = (request.url ?? "").split("?", 1)[0] ?? "";
      const isChat = path === CHAT_PATH;
      if (!isChat && path !== MODELS_PATH && !path.startsWith(`${MODELS_PATH}/`)) return false;
      const method = isChat ? "POST" : "GET";
      if (request.method !== method) {
        response.setHeader("allow", method);
        const message = `${path} takes ${method}`;
        refuseUnread(request, response, { refusal: "method-not-allowed", message });
      } else if (isChat) {
        const requestId = randomUUID();
        const head = REQUEST_ID_HEADERS.flatMap((name) => [name, requestId]);
        chat(request, response, { requestId, head }).catch((error: Error) =>
          failed(error, response, head),
        );
      } else models(path, request, response);
      return true;
    },
    activeDeliveries: () => running.size,
    async drain(deadlineMs) {
      stopping = true;
      const ended = Promise.allSettled([...running.values()]);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
      });
      await Promise.race([ended, late]);
      clearTimeout(timer);
      for (const delivery of running.keys()) delivery.stop();
      await ended;
      await prompts.close();
    },
  };
}

function checkSize(request: ChatRequest, promptTokens: number, instrument: Instrument): Checked {
  const { contextTokensMin, outputTokensMin, defaultMaxOutputTokens } = instrument;
  const wanted = request.maxOutputTokens;
  if (wanted !== null && wanted > outputTokensMin) {
    const message = `${request.symbol} promises ${outputTokensMin} tokens of output, ${wanted} were asked for`;
    return { ok: false, refusal: "validation-error", message, param: "max_tokens" };
  }
  const room = contextTokensMin - promptTokens;
  if (room < (wanted ?? 1)) {
    const message = `${promptTokens} prompt tokens and ${wanted ?? 1} of output are more than the ${contextTokensMin} of ${request.symbol}`;
    return { ok: false, refusal: "context-length-exceeded", message, param: "messages" };
  }
  if (wanted !== null || room >= defaultMaxOutputTokens) return { ok: true, request, promptTokens };
  // The default would not fit beside this prompt: what is left of the context is the maximum.
  return { ok: true, request: { ...request, maxOutputTokens: room }, promptTokens };
}

/** Refuses before the body was read: what is small is read and dropped, else the connection ends. */
function refuseUnread(
  request: IncomingMessage,
  response: ServerResponse,
  { refusal, ...details }: Omit<RefusedHere, "ok"> & { head?: Head },
): void {
  const bytes = Number(request.headers["content-length"] ?? Number.NaN);
  if (!request.complete && !(bytes <= BODY_BYTES_MAX)) response.setHeader("connection", "close");
  request.resume();
  sendRefusal(response, refusal, details);
}

function bearerOf(request: IncomingMessage): string | null {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
  return match?.[1] ?? null;
}
