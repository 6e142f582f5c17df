/** Sending a request as a careful client does: again with the same id until there is an answer. */
import { setTimeout as pause } from "node:timers/promises";
import type { Gate } from "./gate.ts";
import type { Notebook } from "./notebook.ts";

const REQUEST_MS_MAX = 20_000;
const RETRY_MS = 15;
/** Sendings of one request; with the pauses, longer than any start takes. */
const TRIES_MAX = 400;

export interface Door {
  /** Where the exchange listens; the port stays the same over its lives. */
  url: string;
  gate: Gate;
  notebook: Notebook;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: { data?: unknown; errors?: { code?: string } };
}

/** An answer, or why there is none: the request was cut off, or never left. */
export type Sent = Answer | "cut" | "unsent";

/** Sends once. */
export async function send(door: Door, path: string, init: RequestInit): Promise<Sent> {
  const { notebook } = door;
  try {
    return await notebook.during(exchangeOnce(`${door.url}${path}`, init, notebook));
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    if (code === "ECONNREFUSED") return "unsent";
    notebook.noteCut();
    return "cut";
  }
}

async function exchangeOnce(url: string, init: RequestInit, notebook: Notebook): Promise<Answer> {
  const signal = AbortSignal.timeout(REQUEST_MS_MAX);
  const response = await fetch(url, { ...init, signal });
  const text = await response.text();
  const seq = Number(response.headers.get("x-gridspot-seq") ?? 0);
  if (seq > 0) notebook.noteSeq(seq);
  return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
}

/**
 * Sends until answered. `request` is built anew each time, for a signature has a time in it. Null
 * when the tries are used up, which is a fault.
 */
export async function sendUntilAnswered(
  door: Door,
  path: string,
  request: () => RequestInit,
): Promise<{ answer: Answer; wasRepeated: boolean } | null> {
  let wasRepeated = false;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    await door.gate.passed();
    const sent = await send(door, path, request());
    if (sent === "cut") wasRepeated = true;
    else if (sent !== "unsent" && sent.status !== 503 && sent.status !== 429) {
      return { answer: sent, wasRepeated };
    } else if (sent !== "unsent") door.notebook.noteBusy();
    await pause(RETRY_MS);
  }
  door.notebook.fault(`${path} was not answered in ${TRIES_MAX} tries`);
  return null;
}

function jsonOf(text: string): Answer["json"] {
  try {
    return JSON.parse(text) as Answer["json"];
  } catch {
    return {};
  }
}
