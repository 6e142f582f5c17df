/**
 * A buyer under load: chat completions in Auto Mode, streamed or not. A completion has no id of the
 * client's, so one that is cut is asked for anew; what became of the first must then be one end or none.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "#simulation/random.ts";
import type { Door } from "./http-client.ts";

const REQUEST_MS_MAX = 30_000;
const OUTPUT_TOKENS_MAX = 48;
/** Nobody sells right after a start; asking at once again would only heat the machine. */
const REFUSED_PAUSE_MS = 50;
/** Refusals that a market without suppliers, or one that stops, gives. */
const STATUSES_EXPECTED = [429, 502, 503, 504];
const WORDS = ["grid", "spot", "token", "lot", "slot", "unit", "ask", "bid"];

export interface Buyer {
  /** One completion, whatever its end. */
  work(): Promise<void>;
}

interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** What came of one answer before it ended or was cut. */
interface Received {
  requestId: string | null;
  status: number;
  text: string;
  wasCut: boolean;
}

export function createBuyer(
  { apiKey, symbol }: { apiKey: string; symbol: string },
  { door, random }: { door: Door; random: Random },
): Buyer {
  const { notebook } = door;

  async function ask(body: string): Promise<Received> {
    const received: Received = { requestId: null, status: 0, text: "", wasCut: false };
    try {
      const response = await fetch(`${door.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      });
      received.status = response.status;
      received.requestId = response.headers.get("x-gridspot-request-id");
      notebook.noteSeq(Number(response.headers.get("x-gridspot-seq") ?? 0));
      const decoder = new TextDecoder();
      for await (const part of response.body ?? []) {
        received.text += decoder.decode(part as Uint8Array, { stream: true });
      }
    } catch {
      received.wasCut = true;
      notebook.noteCut();
    }
    return received;
  }

  function note({ requestId, status, text, wasCut }: Received, streamed: boolean): void {
    if (requestId === null || status === 0) return;
    if (status !== 200) {
      // Refused: whether or not something was reserved, nothing may be billed.
      if (!wasCut) notebook.write({ kind: "completion free", requestId });
      if (!STATUSES_EXPECTED.includes(status)) {
        notebook.fault(`completion ${requestId} got ${status} ${text}`);
      }
      return;
    }
    if (text !== "") notebook.write({ kind: "completion begun", requestId });
    const usage = streamed ? usageOfStream(text) : wasCut ? null : usageOfAnswer(text);
    if (usage !== null) {
      const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = usage;
      // An answer without a token is free, and counted as such.
      if (completionTokens === 0) notebook.write({ kind: "completion free", requestId });
      else notebook.write({ kind: "completion", requestId, promptTokens, completionTokens });
    } else if (text.includes('"error":')) {
      notebook.write({ kind: "completion free", requestId });
    } else if (!wasCut) notebook.fault(`completion ${requestId} ended without usage: ${text}`);
  }

  return {
    async work() {
      await door.gate.passed();
      const words = Array.from({ length: random.between(2, 14) }, () => pick(random));
      const streamed = random.bit() === 1;
      const body = JSON.stringify({
        model: symbol,
        messages: [{ role: "user", content: words.join(" ") }],
        max_tokens: OUTPUT_TOKENS_MAX,
        ...(streamed && { stream: true, stream_options: { include_usage: true } }),
      });
      const received = await notebook.during(ask(body));
      note(received, streamed);
      if (received.status !== 200) await pause(REFUSED_PAUSE_MS);
    },
  };
}

const pick = (random: Random) => WORDS[random.between(0, WORDS.length - 1)] as string;

/** The usage in a stream's last chunk; null when it did not come that far. */
function usageOfStream(text: string): Usage | null {
  // Only whole events count: the last part may be half of one.
  for (const event of text.split("\n\n").slice(0, -1)) {
    if (!event.startsWith("data: {")) continue;
    const { usage } = JSON.parse(event.slice("data: ".length)) as { usage?: Usage | null };
    if (usage) return usage;
  }
  return null;
}

function usageOfAnswer(text: string): Usage | null {
  return (JSON.parse(text) as { usage?: Usage }).usage ?? null;
}
