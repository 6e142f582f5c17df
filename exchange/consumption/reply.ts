/** The HTTP side of one delivery: its headers, its stream or its one body, or its refusal. */
import type { ServerResponse } from "node:http";
import { openaiError, type Refusal } from "#exchange/errors.ts";
import type { Shell } from "#exchange/shell.ts";
import { publicId } from "#protocol/ids.ts";
import { formatPrice } from "#protocol/quotation.ts";
import type { Reserved } from "./booking.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Client, DeliveryOutcome } from "./delivery-client.ts";
import { EventStream } from "./sse.ts";
import type { OutputChoice } from "./supplier-output.ts";

export interface ReplyOptions {
  request: ChatRequest;
  requestId: string;
  /** Seconds since the epoch. */
  created: number;
  head: Head;
}

/** Header names and values in turn, as `writeHead` takes them at once: set one by one they cost a map. */
export type Head = readonly string[];

/** Builds the client that a delivery talks to. */
export function createReply(
  { request, requestId, created, head }: ReplyOptions,
  { response, shell }: { response: ServerResponse; shell: Shell },
): Client {
  const id = `chatcmpl-${requestId}`;
  const model = request.symbol;
  let events: EventStream | null = null;

  function describe({ reservation, seq }: Reserved): Head {
    const instrument = shell.state.instruments.get(model)?.instrument;
    const prices = new Set(reservation.parts.map((part) => part.priceTicks));
    const shown = [...prices].map((ticks) => (instrument ? formatPrice(instrument, ticks) : ""));
    return [
      ...["x-gridspot-lot-price", shown.join(",")],
      ...["x-gridspot-supplier", publicId("account", reservation.supplier)],
      ...["x-gridspot-max-output-tokens", String(reservation.maxOutputTokens)],
      ...["x-gridspot-seq", String(seq)],
    ];
  }

  function begin(reserved: Reserved): EventStream {
    if (!response.destroyed) {
      response.writeHead(200, [
        ...head,
        ...["content-type", "text/event-stream; charset=utf-8"],
        ...["cache-control", "no-cache, no-store"],
        ...["x-accel-buffering", "no"],
        ...describe(reserved),
      ]);
    }
    const { includeUsage } = request;
    events = new EventStream(response, { id, created, model, includeUsage });
    return events;
  }

  function end(outcome: DeliveryOutcome): void {
    const { promptTokens, completionTokens, reserved } = outcome;
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    };
    if (outcome.choices !== null) {
      const { choices } = outcome;
      const answer = { id, object: "chat.completion", created, model, choices, usage };
      sendJson(response, 200, answer, [...head, ...describe(reserved)]);
      return;
    }
    const stream = events ?? begin(reserved);
    stream.finish(outcome.finishes, outcome.finishReason);
    if (request.includeUsage) stream.usage(usage);
    stream.done();
  }

  return {
    begin,
    text: (text: string) => events?.delta(text) ?? true,
    choices: (choices: readonly OutputChoice[]) => events?.chunk(choices) ?? true,
    end,
    refuse: (refusal, message, status) => sendRefusal(response, refusal, { message, status, head }),
    abort(message) {
      events?.fail(openaiError("supplier-failed", `${message}. Nothing was billed.`).body);
    },
    drop: () => response.destroy(),
  };
}

/** Sends a refusal in OpenAI's shape, unless the reply has begun. */
export function sendRefusal(
  response: ServerResponse,
  refusal: Refusal,
  details: {
    message?: string | undefined;
    param?: string | null | undefined;
    status?: number | undefined;
    head?: Head | undefined;
  } = {},
): void {
  const error = openaiError(refusal, details.message, details.param ?? null);
  const head = [...(details.head ?? []), ...Object.entries(error.headers).flat()];
  sendJson(response, details.status ?? error.status, error.body, head);
}

/** Sends one JSON body, unless the reply has begun or nobody is there. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  head: Head = [],
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, [
    ...head,
    ...["content-type", "application/json; charset=utf-8"],
    ...["content-length", String(Buffer.byteLength(text))],
  ]);
  // A string goes out in one piece with the head, a buffer beside it.
  response.end(text);
}
