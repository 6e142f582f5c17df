/**
 * A short measurement of the agent's own backend before it quotes: first token, speed, errors. The
 * full qualification suite replaces it; its figures are claims, and the exchange knows that.
 */
import { randomUUID } from "node:crypto";
import type { Instrument } from "#protocol/instrument.ts";
import type { Measurement } from "#protocol/link-messages.ts";
import { countReferenceTokens } from "#protocol/reference-tokens.ts";
import type { BackendClient } from "./backends/openai-client.ts";
import { toBackendBody } from "./backends/request-body.ts";

const REQUESTS = 3;
const OUTPUT_TOKENS = 48;
const REQUEST_TIMEOUT_MS = 60_000;
/** A window: how long a Unit may be drawn on. */
const WINDOW_SECONDS = 14_400;
/** Part of the measured speed that is offered: the rest is room for bad minutes. */
const CAPACITY_SHARE = 0.8;

export interface MeasurementTimes {
  monotonicMs(): number;
}

/** Sends a few requests one after another. The first warms the server up and is not counted. */
export async function measureBackend(
  client: BackendClient,
  { monotonicMs }: MeasurementTimes,
): Promise<Measurement> {
  const firstTokenMs: number[] = [];
  const tokensPerSecond: number[] = [];
  let errors = 0;
  for (let request = 0; request <= REQUESTS; request += 1) {
    const figures = await measureOnce(client, monotonicMs).catch(() => null);
    if (request === 0) continue;
    if (figures === null) errors += 1;
    else {
      firstTokenMs.push(figures.firstTokenMs);
      tokensPerSecond.push(figures.tokensPerSecond);
    }
  }
  return {
    requests: REQUESTS,
    errors,
    firstTokenMsP50: median(firstTokenMs),
    tokensPerSecondP50: median(tokensPerSecond),
  };
}

async function measureOnce(client: BackendClient, monotonicMs: () => number) {
  // A fresh nonce keeps a prefix cache from answering for the server.
  const prompt = `Note ${randomUUID()}. Count: one two three four five six seven eight nine ten. Repeat:`;
  const body = toBackendBody(
    { messages: [{ role: "user", content: prompt }] },
    { model: client.model, streamed: true, maxOutputTokens: OUTPUT_TOKENS },
  );
  const startMs = monotonicMs();
  let firstMs: number | null = null;
  let text = "";
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  await client.stream(body, signal, REQUEST_TIMEOUT_MS, (piece) => {
    if (piece.type !== "text") return null;
    firstMs ??= monotonicMs();
    text += piece.text;
    return null;
  });
  if (firstMs === null) throw new Error("the backend answered without text");
  const seconds = Math.max(0.001, (monotonicMs() - firstMs) / 1000);
  const tokens = countReferenceTokens(text);
  return {
    firstTokenMs: firstMs - startMs,
    tokensPerSecond: Math.max(1, tokens - 1) / seconds,
  };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

export type Qualification =
  | { ok: true; capacityTokensPerWindow: number }
  | { ok: false; reasons: string[] };

/** Whether measured figures meet an instrument's thresholds, and what may be promised per window. */
export function qualify(
  measurement: Measurement,
  instrument: Instrument,
  backend: { contextTokens: number | null; slots: number },
): Qualification {
  const reasons: string[] = [];
  const { firstTokenMsP50, tokensPerSecondP50, errors, requests } = measurement;
  if (errors > 0) reasons.push(`${errors} of ${requests} requests failed`);
  if (firstTokenMsP50 > instrument.firstTokenMsMax) {
    reasons.push(
      `first token after ${firstTokenMsP50.toFixed(0)} ms, at most ${instrument.firstTokenMsMax}`,
    );
  }
  if (tokensPerSecondP50 < instrument.tokensPerSecondMin) {
    reasons.push(
      `${tokensPerSecondP50.toFixed(1)} tokens/s, at least ${instrument.tokensPerSecondMin}`,
    );
  }
  if (backend.contextTokens !== null && backend.contextTokens < instrument.contextTokensMin) {
    reasons.push(
      `context of ${backend.contextTokens} tokens, at least ${instrument.contextTokensMin}`,
    );
  }
  if (reasons.length > 0) return { ok: false, reasons };
  const capacity = CAPACITY_SHARE * tokensPerSecondP50 * WINDOW_SECONDS;
  return { ok: true, capacityTokensPerWindow: Math.floor(capacity) };
}
